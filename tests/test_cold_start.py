"""What a cold worker loads before it can answer a handshake: nothing but what the host needs itself."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
HEAVY = (
    "shared",
    "azure.core",
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
