"""What every test of the hooks begins with."""

from pathlib import Path
from typing import Any

from infra.hooks.postprovision import postprovision
from infra.hooks.preprovision import preprovision
from tests.infra.azure_values import IDENTITY, SUBSCRIPTION
from tests.infra.fake_azure import FakeAzure

REPOSITORY = Path(__file__).parents[2]
OTHER_TENANT = "44444444-4444-4444-8444-444444444444"
FROM_AZD = {"AZURE_ENV_NAME": "teams", "AZURE_LOCATION": "West Europe", "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION}
FROM_THE_TEMPLATE = {
    "AZURE_APP_NAME": "func-teams",
    "AZURE_IDENTITY_PRINCIPAL_ID": IDENTITY,
    "AZURE_RESOURCE_GROUP": "rg-teams",
    "AZURE_VAULT_NAME": "kv-teams",
}


def azure(**changed: Any) -> FakeAzure:
    environ = {**FROM_AZD, **changed.pop("environ", {})}
    return FakeAzure(environ=environ, **changed)


def up(fake: FakeAzure) -> None:
    """Run the hooks around the template, as azd does."""
    preprovision(fake.tools())
    fake.environ |= FROM_THE_TEMPLATE
    postprovision(fake.tools())
