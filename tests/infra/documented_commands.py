"""Where the docs and the remedies in the code name a command of az, azd or func, and what azd and func understand."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.infra.azd import REPOSITORY

PAGES = (
    *sorted(REPOSITORY.glob("*.md")),
    *sorted(REPOSITORY.glob("docs/*.md")),
    *sorted(REPOSITORY.glob("examples/README.md")),
    *sorted(REPOSITORY.glob("examples/*/README.md")),
)
_PROGRAMS = "az|azd|func"
_IN_A_BLOCK = re.compile(rf"^\s*(?:\$ )?((?:{_PROGRAMS}) .+?)(?:\s+#.*)?$")
_IN_A_LINE = re.compile(rf"`((?:{_PROGRAMS}) [^`]+)`")
# Not a sentence about az, nor a command whose name is put in.
_IN_THE_CODE = re.compile(r"az (?!is )[a-z][\w -]* --")
_AZD = "https://learn.microsoft.com/azure/developer/azure-developer-cli/reference"
_FUNC = "https://learn.microsoft.com/azure/azure-functions/functions-core-tools-reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A command; ``place``: its file and line."""

    place: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words with something in the place of each ``<...>``."""
        return shlex.split(re.sub(r"<[^<>]*>", "x", self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A command of azd or func; ``more``: how many words may follow; ``options``: with True those that take a value."""

    words: str
    url: str
    more: int = 0
    options: tuple[tuple[str, bool], ...] = ()


# What the docs use; a line that needs another row needs the page on which it is documented.
KNOWN = (
    Known(words="azd auth login", url=f"{_AZD}#azd-auth-login", options=(("--tenant-id", True),)),
    Known(words="azd up", url=f"{_AZD}#azd-up"),
    Known(words="azd provision", url=f"{_AZD}#azd-provision", options=(("--no-state", False),)),
    Known(words="azd deploy", url=f"{_AZD}#azd-deploy", more=1, options=(("--from-package", True),)),
    Known(words="azd down", url=f"{_AZD}#azd-down"),
    Known(words="azd env set", url=f"{_AZD}#azd-env-set", more=2),
    Known(words="azd hooks run", url=f"{_AZD}#azd-hooks-run", more=1),
    Known(words="azd pipeline config", url=f"{_AZD}#azd-pipeline-config"),
    Known(words="func start", url=f"{_FUNC}#func-start"),
    Known(
        words="func azure functionapp publish",
        url=f"{_FUNC}#func-azure-functionapp-publish",
        more=1,
        options=(("--no-build", False), ("--python", False)),
    ),
)


def documented() -> Iterator[Line]:
    """Yield the commands of README and docs, in blocks and in sentences."""
    for page in PAGES:
        in_block = False
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            place = f"{page.relative_to(REPOSITORY)}:{number}"
            if line.lstrip().startswith("```"):
                in_block = not in_block
            elif in_block and (found := _IN_A_BLOCK.match(line)):
                yield Line(place=place, text=found[1])
            elif not in_block:
                yield from (Line(place=place, text=text) for text in _IN_A_LINE.findall(line))


def remedies() -> Iterator[Line]:
    """Yield the commands of az that people are told to run, where one is a text of its own in the code."""
    for folder in ("cli", "infra"):
        for module in sorted((REPOSITORY / folder).rglob("*.py")):
            tree = ast.parse(module.read_text(encoding="utf-8"))
            parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
            for node in ast.walk(tree):
                if id(node) not in parts and _IN_THE_CODE.match(text := _text(node)):
                    yield Line(place=f"{module.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 0)}", text=text)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each) if isinstance(each, ast.Constant) else "<x>" for each in node.values)
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return re.sub(r"\{\w*\}", "<x>", text)


def not_known(line: Line) -> str:
    """Return what azd or func would not understand of a line, as far as the table goes; nothing if all is known."""
    words = line.words
    for known in sorted(KNOWN, key=lambda each: -len(each.words)):
        start = known.words.split()
        if words[: len(start)] == start:
            return _surplus(words[len(start) :], known)
    return f"no row for {line.text}"


def _surplus(words: list[str], known: Known) -> str:
    options, positional, left = dict(known.options), 0, iter(words)
    for word in left:
        if not word.startswith("-"):
            positional += 1
        elif word not in options:
            return f"{known.words} has no {word}: {known.url}"
        elif options[word] and next(left, None) is None:
            return f"{known.words} {word} needs a value: {known.url}"
    return "" if positional <= known.more else f"{known.words} takes no more than {known.more} words: {known.url}"


def arguments(line: Line, folder: Path) -> list[str]:
    """Return what az is given by a line; files that are named are there, and a mere name of a command gets --help."""
    file = folder / "file.json"
    file.write_text("{}", encoding="utf-8")
    text = re.sub(r"\$\([^()]*\)", "x", line.text)
    text = re.sub(r"<[^<>]*(?:file|json)>|(?<=@)[\w-]+\.json", str(file), text)
    _, *words = shlex.split(re.sub(r"<[^<>]*>", "x", text))
    return words if any(word.startswith("-") for word in words) else [*words, "--help"]
