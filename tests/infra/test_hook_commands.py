"""The commands of the hooks against the real az, and what they know against the docs."""

import json
import re
from pathlib import Path

import pytest

from infra.hooks.permissions import FOR_GAPS
from infra.hooks.postprovision import postprovision
from infra.hooks.vault import POLICY
from tests.infra.azd import OTHER_TENANT, REPOSITORY, azure, up
from tests.infra.azure_values import ROLES
from tests.infra.real_az import MISSING, PYTHON, parsed


def test_permissions_for_gaps_are_those_that_the_docs_list() -> None:
    page = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
    table = page.partition("### What is read, and with which permission")[2].partition("###")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    for path, permissions in FOR_GAPS.items():
        (row,) = (line for line in rows if f"`{path}`" in line.split("|")[1])
        assert set(permissions) <= set(re.findall(r"[A-Z]\w+\.\w+\.All", row)), path
    assert {name for permissions in FOR_GAPS.values() for name in permissions} <= set(ROLES)


def test_certificate_policy_is_the_one_in_the_docs() -> None:
    page = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
    (block,) = (block for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "issuerParameters" in block)
    assert json.loads(POLICY.read_text(encoding="utf-8")) == json.loads(block)
    assert json.loads(block)["keyProperties"]["reuseKey"] is False


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not PYTHON.exists(), reason=MISSING)
def test_every_command_is_one_of_the_real_az(tmp_path: Path) -> None:
    fake = azure(roles_work_after=1)
    up(fake)
    fake.environ["AZURE_IDENTITY_PRINCIPAL_ID"] = OTHER_TENANT
    fake.principals[fake.environ["CLIENT_ID"]]["appRoleAssignmentRequired"] = True
    postprovision(fake.tools())
    (tmp_path / "key").touch()
    shapes = {
        tuple(part for part in command if part.startswith("--")) + command[:3]: command for command in fake.commands
    }
    lines = [_with_file(command, tmp_path) for command in shapes.values()]
    assert [said for said in zip(shapes.values(), parsed(lines), strict=True) if said[1]] == []


def _with_file(command: tuple[str, ...], folder: Path) -> list[str]:
    """Return a command with a file in the place of the key's, which is gone."""
    return [str(folder / "key") if part.startswith("/") and "key-" in part else part for part in command]
