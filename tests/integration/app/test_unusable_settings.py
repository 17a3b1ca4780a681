"""Settings with which the app cannot work are told in one line and answered with 503, never with an exception (500)."""

import asyncio
import importlib
import logging

import azure.functions as func
import pytest

import ReceiveNotification
import RenewSubscriptions
from ReceiveNotification import process
from shared.errors import Misconfigured
from tests.fakes.settings_environment import LEAST

UNUSABLE = {
    "signature without a table": "BlobEndpoint=https://127.0.0.1:1/;QueueEndpoint=https://127.0.0.1:1/;"
    "SharedAccessSignature=sv=2022-11-02&ss=bq&srt=sco&sp=rwdlacup&sig=x",
    "nonsense": "my storage account",
    "no URL": "BlobEndpoint=https://[;QueueEndpoint=https://[;TableEndpoint=https://[;AccountName=a;AccountKey=a2V5",
    "unresolved reference": "@Microsoft.KeyVault(VaultName=v;SecretName=s)",
}


@pytest.fixture(params=list(UNUSABLE.values()), ids=list(UNUSABLE))
def _unusable_storage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (LEAST | {"AzureWebJobsStorage": request.param}).items():
        monkeypatch.setenv(name, value)
    importlib.reload(process)


class _Timer:
    past_due = False


@pytest.mark.usefixtures("_unusable_storage")
def test_post_with_unusable_storage_is_answered_with_503(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="ReceiveNotification")
    post = func.HttpRequest(method="POST", url="https://app.example/", params={}, body=b'{"value":[]}')
    assert asyncio.run(ReceiveNotification.main(post)).status_code == 503
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith("refused until this is fixed: AzureWebJobsStorage ")


@pytest.mark.usefixtures("_unusable_storage")
def test_run_with_unusable_storage_ends_with_the_setting() -> None:
    timer = _Timer()
    with pytest.raises(Misconfigured, match="AzureWebJobsStorage "):
        RenewSubscriptions.main(timer)  # type: ignore[arg-type]  # what the function reads of one
