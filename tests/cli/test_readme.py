"""What docs/cli.md shows of the commands is what they print; ids and times apart."""

import re
from pathlib import Path

import pytest

from sandbox.scene import Cast
from tests.cli.operator import Operator

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
COMMAND = "$ .venv/bin/python -m cli --settings .sandbox/local.settings.json "
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
_WHEN = re.compile(r"never|\d+ (?:s|min|h|d)(?: \d+ (?:min|h))? ago")


def _shown(command: str) -> list[str]:
    """Return what docs/cli.md has below a command, up to the next one or the end of the block."""
    lines = iter((REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8").splitlines())
    assert f"{COMMAND}{command}" in lines, command
    shown: list[str] = []
    for line in lines:
        if line.startswith(("$ ", "```")):
            break
        shown.append(line)
    return _in_general(shown)


def _in_general(lines: list[str]) -> list[str]:
    """Return lines with all ids and times alike; columns are as wide as those make them."""
    return [re.sub(" {2,}", "  ", _WHEN.sub("<when>", _ID.sub("<id>", line))) for line in lines if line]


@pytest.mark.parametrize("command", ["subscriptions list", "permissions"])
def test_documented_output_is_what_the_command_prints(operator: Operator, command: str) -> None:
    world = operator.world
    operator.watch(*world.do(lambda: Cast.assemble(world.teams, world.tenant_id)).subscriptions())
    ran = operator.run(*command.split())
    assert ran.exit_code == 0
    assert _shown(command) == _in_general(ran.stdout.splitlines())
