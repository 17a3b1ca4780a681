"""The output in docs/cli.md is what the commands print, but for ids and times."""

import re
from pathlib import Path

import pytest

from sandbox.run.scenario import Cast
from tests.cli.operator import Operator
from tests.sandbox.graph_world import ROLES

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
COMMAND = "$ .venv/bin/python -m cli --settings .sandbox/local.settings.json "
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
_WHEN = re.compile(r"never|\d+ (?:s|min|h|d)(?: \d+ (?:min|h))? ago")


def _documented(command: str) -> list[str]:
    """Return the lines below a command in docs/cli.md, up to the next command or the end of the block."""
    lines = iter((REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8").splitlines())
    assert f"{COMMAND}{command}" in lines, command
    output: list[str] = []
    for line in lines:
        if line.startswith(("$ ", "```")):
            break
        output.append(line)
    return _generic(output)


def _generic(lines: list[str]) -> list[str]:
    """Return lines with placeholders for ids and times, whose lengths determine the widths of the columns."""
    return [re.sub(" {2,}", "  ", _WHEN.sub("<when>", _ID.sub("<id>", line.rstrip()))) for line in lines if line]


@pytest.mark.parametrize("command", ["subscriptions list", "permissions"])
def test_documented_output_is_what_the_command_prints(operator: Operator, command: str) -> None:
    world = operator.world
    operator.watch(*world.do(lambda: Cast.assemble(world.teams, world.tenant_id)).subscriptions())
    world.grant(world.tenant_id, roles=(*ROLES, "User.Read.All"))
    ran = operator.run(*command.split())
    assert ran.exit_code == 0
    assert _documented(command) == _generic(ran.stdout.splitlines())
