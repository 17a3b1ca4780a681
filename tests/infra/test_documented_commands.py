"""Every az, azd and func line of README, docs and remedies: az reads its own, a table has those of the others."""

from pathlib import Path

import pytest

from tests.infra.azd import REPOSITORY
from tests.infra.documented_commands import KNOWN, Line, arguments, documented, not_known, remedies
from tests.infra.real_az import MISSING, PYTHON, parsed

LINES = tuple(documented())
OF_AZ = [line for line in LINES if line.text.startswith("az ")]
OTHERS = [line for line in LINES if not line.text.startswith("az ")]
# In an extension, which az offers to install where somebody runs it.
OF_EXTENSIONS = ("az monitor app-insights query",)
REMEDIES = [line for line in remedies() if not line.text.startswith(OF_EXTENSIONS)]
WRONG = (
    "az keyvault certificate craete --vault-name x",
    "az keyvault certificate create --vault-name x",
    "az ad sp create --idd x",
    "az ad sp create --id x --colour red",
    "az role asignment",
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not PYTHON.exists(), reason=MISSING)
def test_az_understands_every_line_of_the_docs_and_of_remedies(tmp_path: Path) -> None:
    assert len(OF_AZ) > 15
    assert len(REMEDIES) > 8
    misspelt = [Line(place="here", text=text) for text in WRONG]
    lines = [*OF_AZ, *REMEDIES, *misspelt]
    # In one process: to load a part of az takes seconds.
    said = parsed([arguments(line, tmp_path) for line in lines])
    assert [line for line, text in zip(lines, said, strict=True) if text] == misspelt


def test_azd_and_func_lines_are_those_of_the_table() -> None:
    assert len(OTHERS) > 15
    assert [f"{line.place}: {said}" for line in OTHERS if (said := not_known(line))] == []


def test_each_row_of_the_table_is_used_and_names_its_page() -> None:
    used = {known.words for known in KNOWN if any(line.text.startswith(known.words) for line in OTHERS)}
    assert used == {known.words for known in KNOWN}
    assert all(known.url.endswith(f"#{known.words.replace(' ', '-')}") for known in KNOWN)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("azd deploy app --package app.zip", "azd deploy has no --package"),
        ("azd deploy app --from-package", "--from-package needs a value"),
        ("azd deploy app another", "takes no more than 1 words"),
        ("azd destroy", "no row for azd destroy"),
        ("func azure functionapp publish <app> --pyhton", "has no --pyhton"),
    ],
)
def test_line_that_the_table_does_not_have_is_found_out(text: str, reason: str) -> None:
    assert reason in not_known(Line(place="here", text=text))


def test_lines_are_found_in_blocks_and_in_sentences() -> None:
    places = {line.place.partition(":")[0] for line in LINES}
    assert {"README.md", "docs/deploy.md", "docs/operations.md", "docs/troubleshooting.md"} <= places
    assert any("`az ad app delete" in line for line in (REPOSITORY / "docs/deploy.md").read_text("utf-8").splitlines())
    assert "az ad app delete --id <client id>" in {line.text for line in LINES}
