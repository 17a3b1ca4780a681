"""docs/deploy.md against the parameters of the template and, where there is one, all pages against the real az."""

import re
import shlex
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.hooks.tools import HookFailed, azure_cli
from tests.documented import runnable_lines

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/deploy.md").read_text(encoding="utf-8")
COMMANDS = list(dict.fromkeys(line.command for line in runnable_lines() if line.command.startswith("az ")))
TABLE = PAGE.partition("| Name | Meaning | Default |\n")[2].partition("\n\n")[0].splitlines()


def test_table_of_values_is_that_of_the_parameters() -> None:
    parameters = (REPOSITORY / "infra/main.bicepparam").read_text(encoding="utf-8")
    documented = {name for row in TABLE for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    assert documented == set(re.findall(r"readEnvironmentVariable\('(\w+)'", parameters))


def test_defaults_of_the_table_are_those_of_the_parameters() -> None:
    parameters = (REPOSITORY / "infra/main.bicepparam").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"readEnvironmentVariable\('(\w+)', '(\w[^']*)'\)", parameters))
    assert len(defaults) > 10
    for name, default in defaults.items():
        if name not in {"GRAPH_CLOUD", "AZURE_PRINCIPAL_TYPE"}:
            (row,) = (line for line in TABLE if re.match(rf"\|[^|]*`{name}`", line))
            assert f"`{default}`" in row.split("|")[3], name


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("az") is None, reason="the Azure CLI is not on the PATH")
def test_every_command_by_hand_is_one_of_the_real_az(tmp_path: Path) -> None:
    assert len(COMMANDS) > 5
    (tmp_path / "file").write_text("{}", encoding="utf-8")
    # Files that a reader saves from the page stand there by their names.
    lines = [re.sub(r"<[^>]*(?:file|json)>|(?<=@)[\w-]+\.json", str(tmp_path / "file"), line) for line in COMMANDS]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(_said, [re.sub(r"<[^>]+>", "x", line) for line in lines]))
    # Not signed in: whatever is understood ends there, or where Bicep would be downloaded.
    assert not [each for each in zip(COMMANDS, said, strict=True) if not re.search("az login|[Bb]icep", each[1])]


def _said(line: str) -> str:
    _, *arguments = shlex.split(line.replace("-o tsv", "").replace("-o none", ""))
    try:
        azure_cli(*arguments)
    except HookFailed as said:
        return str(said)
    return "it did something"
