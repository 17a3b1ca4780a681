"""What a cold worker loads: for a handshake nothing but what the host needs itself, and beside it what a POST needs."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.settings_environment import EVENT_HUB, LEAST

REPOSITORY = Path(__file__).parents[1]
HEAVY = (
    "shared",
    "azure.core",
    "azure.eventhub",
    "azure.identity",
    "azure.keyvault",
    "azure.storage",
    "cryptography",
    "jwt",
    "msal",
    "msgspec",
    "requests",
)
LOADED = """
import asyncio, sys, threading, types
import azure.functions as func
# As the worker loads a function.
app = types.ModuleType("__app__")
app.__path__ = ["."]
sys.modules["__app__"] = app
"""
QUESTION = f"""
from {{package}} import main
answer = asyncio.run(main(func.HttpRequest(method="POST", url="/", params={{{{"validationToken": "a b"}}}}, body=b"")))
assert (answer.status_code, answer.get_body()) == (200, b"a b")
print([name for name in sys.modules if name.startswith({HEAVY!r})])
"""
WARMED_UP = """
from {package} import main
for thread in threading.enumerate():
    if thread.name == "warm-up":
        thread.join()
print("shared.receiving.receive" in sys.modules)
"""

# With settings it would call what they name.
NO_SETTINGS: Mapping[str, str] = {}


def _said(script: str, environ: Mapping[str, str] | None = None) -> str:
    command = [sys.executable, "-c", LOADED + script]
    answer = subprocess.run(  # noqa: S603  fixed words
        command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


@pytest.mark.slow
def test_the_handshake_imports_no_client_and_none_of_the_product() -> None:
    assert _said(QUESTION.format(package="ReceiveNotification")) == "[]"


@pytest.mark.slow
def test_worker_that_loads_the_function_warms_up_by_itself() -> None:
    assert _said(WARMED_UP.format(package="__app__.ReceiveNotification"), NO_SETTINGS) == "True"


@pytest.mark.slow
def test_module_that_is_imported_by_its_own_name_warms_nothing_up() -> None:
    assert _said(WARMED_UP.format(package="ReceiveNotification"), NO_SETTINGS) == "False"


SINK = """
import os, sys
from shared.app.clients import Clients
Clients.from_environ(os.environ).sink()
print("azure.eventhub" in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("sink", "is_imported"), [({}, "False"), (EVENT_HUB, "True")], ids=["queue", "event hub"])
def test_client_of_event_hubs_is_imported_only_where_it_is_used(sink: dict[str, str], is_imported: str) -> None:
    answer = subprocess.run(  # noqa: S603  fixed words
        [sys.executable, "-c", SINK], cwd=REPOSITORY, env=LEAST | sink, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == is_imported
