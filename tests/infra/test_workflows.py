"""The workflows: what they run exists, they hold no secret, and their actions can be pinned."""

import json
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.pin import NotPinned, hash_at, main, pinned

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
_TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def _document(name: str) -> Any:
    return yaml.safe_load((REPOSITORY / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))


def _made(line: str) -> set[str]:
    """Return the targets of a ``make`` line."""
    return set(re.findall(r"(?<= )[a-z-]+(?= |$)", line.partition("ARGS=")[0].partition("PYTHON=")[0] + " "))


def test_checks_are_those_of_the_local_run() -> None:
    local = [line for line in (REPOSITORY / ".ci/run").read_text(encoding="utf-8").splitlines() if line[:5] == "make "]
    wanted = {(target, line.partition("ARGS=")[2].strip("'")) for line in local for target in _made(line)}
    jobs = _document("ci")["jobs"]["run"]["strategy"]["matrix"]["include"]
    assert {(target, job.get("arguments", "")) for job in jobs for target in job["target"].split()} == wanted
    assert {target for target, _ in wanted} <= _TARGETS


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_workflow_has_no_secret_and_grants_nothing_by_default(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert yaml.safe_load(text)["permissions"] == {}
    made = re.findall(r"\bmake ([a-z-]+)", "\n".join(line.partition("#")[0] for line in text.splitlines()))
    assert set(made) <= _TARGETS


def test_deployment_signs_in_for_its_environment_and_builds_nothing() -> None:
    job = _document("deploy")["jobs"]["deploy"]
    assert job["environment"] == "production"
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    (action,) = (step for step in job["steps"] if step.get("uses", "").startswith("azure/functions-action@"))
    assert action["with"] == {"app-name": "${{ vars.AZURE_APP_NAME }}", "package": "app.zip"}


def test_container_for_development_makes_what_the_makefile_has() -> None:
    container = json.loads((REPOSITORY / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    version = (REPOSITORY / ".python-version").read_text(encoding="utf-8").strip()
    assert container["image"].startswith(f"mcr.microsoft.com/devcontainers/python:{version}-")
    made = re.findall(r"^(\S+installed):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for target in container["postCreateCommand"].removeprefix("make ").split():
        assert any(fnmatch(target, rule.replace("%", "*")) for rule in made)


@pytest.fixture
def server(tmp_path: Path) -> tuple[str, str]:
    """A git server with the repository ``o/action`` and its annotated tag ``v2``; and the commit of that."""
    folder = tmp_path / "server/o/action"
    folder.mkdir(parents=True)

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout.strip()  # noqa: S603

    git("init", "--quiet")
    git("commit", "--allow-empty", "--quiet", "--message", "first")
    git("tag", "--annotate", "v2", "--message", "v2")
    return (tmp_path / "server").as_uri(), git("rev-parse", "HEAD")


def test_tag_becomes_the_commit_it_points_to_and_stays_as_a_comment(server: tuple[str, str], tmp_path: Path) -> None:
    url, commit = server
    (tmp_path / "ci.yml").write_text("steps:\n  - uses: o/action/sub@v2\n  - run: x\n", encoding="utf-8")
    assert main(url, tmp_path) == 0
    text = (tmp_path / "ci.yml").read_text(encoding="utf-8")
    assert text == f"steps:\n  - uses: o/action/sub@{commit} # v2\n  - run: x\n"
    assert main(url, tmp_path) == 0
    assert (tmp_path / "ci.yml").read_text(encoding="utf-8") == text


def test_unknown_tag_changes_no_workflow(server: tuple[str, str], tmp_path: Path) -> None:
    url, _ = server
    (tmp_path / "a.yml").write_text("- uses: o/action@v2\n", encoding="utf-8")
    (tmp_path / "b.yml").write_text("- uses: o/action@v3\n", encoding="utf-8")
    with pytest.raises(NotPinned, match="o/action has no tag v3"):
        hash_at(url)("o/action", "v3")
    assert main(url, tmp_path) == 1
    assert (tmp_path / "a.yml").read_text(encoding="utf-8") == "- uses: o/action@v2\n"


def test_every_action_of_the_workflows_can_be_pinned() -> None:
    for file in WORKFLOWS:
        text = file.read_text(encoding="utf-8")
        hashed = pinned(text, lambda _repository, _tag: "0" * 40)
        assert len(re.findall(r"@[0-9a-f]{40} # v", hashed)) == len(re.findall(r"\buses: ", text)), file.name
