"""What a cold worker loads before it can answer a handshake: nothing but what the host needs itself."""

import subprocess
import sys
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
QUESTION = f"""
import asyncio
import sys
import azure.functions as func
from ReceiveNotification import main
answer = asyncio.run(main(func.HttpRequest(method="POST", url="/", params={{"validationToken": "a b"}}, body=b"")))
assert (answer.status_code, answer.get_body()) == (200, b"a b")
print([name for name in sys.modules if name.startswith({HEAVY!r})])
"""


@pytest.mark.slow
def test_the_handshake_imports_no_client_and_none_of_the_product() -> None:
    command = [sys.executable, "-c", QUESTION]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)  # noqa: S603  fixed words
    assert answer.stdout.strip() == "[]"


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
