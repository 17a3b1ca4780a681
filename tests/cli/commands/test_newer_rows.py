"""Commands of an older version beside tables that a newer one has written."""

import pytest
from azure.data.tables import TableServiceClient, UpdateMode

from tests.cli.operator import Operator

pytestmark = pytest.mark.slow

SENTENCE = "a newer version of the app has written the tables (schema 2, this one reads 1): deploy that version again"


@pytest.fixture
def older(laptop: Operator) -> Operator:
    """A checkout that is older than the app which has run."""
    connection = laptop.world.app.environ["AzureWebJobsStorage"]
    with TableServiceClient.from_connection_string(connection) as tables:
        rows = tables.get_table_client("status")
        [owner] = [row for row in rows.list_entities() if row["RowKey"] == "owner"]
        rows.update_entity({**owner, "schemaVersion": 2}, mode=UpdateMode.REPLACE)
    return laptop


COMMANDS = ["subscriptions list", "gaps list", "status", "parked retry", "login", "quarantine purge"]


@pytest.mark.parametrize("command", COMMANDS)
def test_older_commands_refuse_newer_rows_with_one_sentence(older: Operator, command: str) -> None:
    ran = older.run(*command.split())
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr.startswith(SENTENCE)
    assert ran.stderr.count("\n") == 1
