"""Facts about the repository that no other test would miss."""

import ast
import itertools
import json
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sandbox.run.deployment import stage
from tests.fakes.settings_environment import names_asked_for

REPOSITORY = Path(__file__).parents[1]
FUNCTIONS = ("ReceiveNotification", "RenewSubscriptions")
LOGGING = (*FUNCTIONS, "shared")
MAX_LINE = 160
MAX_README_LINES = 130
PAGES = (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"))
# The host reads the schedule, by its name in RenewSubscriptions/function.json, and the Python runtime its threads.
OF_THE_HOST = {"RENEW_SCHEDULE"}

# Taken apart, so that this file does not name them itself.
REGISTRIES = tuple(
    ".".join(parts) for parts in (("registry", "npmjs"), ("files", "pythonhosted"), ("pypi", "org/simple"))
)
MACHINE_PATHS = re.compile(r"(?<![\w.~>}-])/(?:home|root|work)/\w")


def _json(name: str) -> Any:
    return json.loads((REPOSITORY / name).read_text(encoding="utf-8"))


def test_the_sample_settings_are_those_that_the_app_and_its_host_read() -> None:
    values = _json("local.settings.sample.json")["Values"]
    assert set(values) == names_asked_for() | OF_THE_HOST | {"FUNCTIONS_WORKER_RUNTIME"}


def test_documented_settings_are_those_that_are_read() -> None:
    assert set(_first_column("docs/configuration.md", "| Name |")) == names_asked_for() | OF_THE_HOST


def test_documented_log_texts_are_in_the_code() -> None:
    code = "".join(path.read_text(encoding="utf-8") for name in LOGGING for path in (REPOSITORY / name).rglob("*.py"))
    parts = [part for text in _first_column("docs/operations.md", "| Log line") for part in text.split(" ... ")]
    assert len(parts) > 15
    assert not [part for part in parts if part not in code]


def _first_column(page: str, header: str) -> Iterator[str]:
    """Yield what is marked as code in the first column of the table whose header starts with ``header``."""
    lines = iter((REPOSITORY / page).read_text(encoding="utf-8").splitlines())
    table = itertools.takewhile(
        lambda line: line.startswith("|"), itertools.dropwhile(lambda line: not line.startswith(header), lines)
    )
    for line in table:
        yield from re.findall(r"`([^`]+)`", line.split("|")[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            target = page.parent / link if link else page
            assert target.exists(), link
            assert not anchor or anchor in _anchors(target), f"{link}#{anchor}"


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_of_a_page_are_short_except_in_tables(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if len(line) > MAX_LINE and not line.startswith("|")]
    assert page.name != "README.md" or len(lines) <= MAX_README_LINES


def _pins(name: str) -> Iterator[tuple[str, str]]:
    """Yield each package of a requirements file with the text that pins it."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    for entry in re.split(r"\n(?=[a-z0-9])", "\n".join(line for line in text.splitlines() if line.strip()[:1] != "#")):
        yield canonicalize_name(re.split(r"[=\[ ;]", entry.strip(), maxsplit=1)[0]), entry


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_a_hash(name: str) -> None:
    pinned = r"[\w.\[\],-]+==\S+( ; [^\\]+)?( \\\s+--hash=sha256:[0-9a-f]{64})+\s*"
    assert not [package for package, entry in _pins(name) if not re.fullmatch(pinned, entry)]


def test_requirements_are_what_the_project_names_and_what_that_needs() -> None:
    named = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    locked = {package for package, _ in _pins("requirements.txt")}
    assert {canonicalize_name(Requirement(line).name) for line in named} <= locked
    assert locked <= _with_dependencies(map(Requirement, named))


def _with_dependencies(requirements: Iterable[Requirement]) -> set[str]:
    """Return the names of ``requirements`` and of all that they need, on any system."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) not in found:
            found.add((name, extras))
            waiting += _dependencies(name, extras)
    return {name for name, _ in found}


def _dependencies(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return  # of another system
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or "extra" not in str(marker) or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def _files() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True)  # noqa: S603  fixed words
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not in a git checkout")
    return [path for name in listed.stdout.splitlines() if (path := REPOSITORY / name).is_file()]


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    for path in _files():
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [registry for registry in REGISTRIES if registry in text], path
        assert not MACHINE_PATHS.search(text), path


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_bindings_of_a_function_are_the_parameters_of_its_main(function: str) -> None:
    definition = _json(f"{function}/function.json")
    source = (REPOSITORY / function / definition["scriptFile"]).read_text(encoding="utf-8")
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    (main,) = (function for function in functions if function.name == "main")
    inputs = [binding["name"] for binding in definition["bindings"] if binding["direction"] == "in"]
    assert inputs == [argument.arg for argument in main.args.args]


def test_a_deployment_has_what_the_functions_need_and_nothing_else(tmp_path: Path) -> None:
    staged = stage(tmp_path / "app", None)
    files = {"host.json", "requirements.txt", "subscriptions.json"}
    assert {path.name for path in staged.iterdir()} == {*files, *FUNCTIONS, "shared"}
    assert not list(staged.rglob("__pycache__"))
