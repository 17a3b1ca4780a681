"""A command without its storage ends with one sentence and exit status 4."""

import pytest

from tests.cli.operator import Operator

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("service", "commands", "sentence"),
    [
        ("Table", ["subscriptions list", "subscriptions renew"], "the table "),
        ("Queue", ["events tail --once"], "storage does not answer"),
        ("Blob", ["parked list", "parked retry", "quarantine list", "quarantine purge"], "storage does not answer"),
    ],
)
def test_storage_outage_exits_4(operator: Operator, service: str, commands: list[str], sentence: str) -> None:
    endpoint, environ = f"{service}Endpoint=http://127.0.0.1", operator.world.app.environ
    environ["AzureWebJobsStorage"] = environ["AzureWebJobsStorage"].replace(endpoint, f"{endpoint}:9/nowhere#")
    for command in commands:
        ran = operator.run(*command.split())
        assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (4, "", 1)
        assert ran.stderr.startswith(sentence)
