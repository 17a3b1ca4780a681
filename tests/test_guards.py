"""The list of guards, held to the source: it cannot rot without a test that says so."""

import ast
from functools import cache

import pytest

from tests.guards.guard import REPOSITORY
from tests.guards.listed import GUARDS


@cache
def _source(module: str) -> str:
    return (REPOSITORY / module).read_text(encoding="utf-8")


@cache
def _functions(module: str) -> frozenset[str]:
    return frozenset(node.name for node in ast.parse(_source(module)).body if isinstance(node, ast.FunctionDef))


def _lines(source: str, snippet: str) -> range:
    first = source[: source.index(snippet)].count("\n") + 1
    return range(first, first + snippet.strip("\n").count("\n") + 1)


def test_every_guard_has_a_name_of_its_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


@pytest.mark.slow
def test_every_guard_stands_once_in_its_module_which_is_still_python_without_it() -> None:
    for guard in GUARDS:
        mutant = guard.mutated(_source(guard.module))
        assert mutant != _source(guard.module), guard.name
        compile(mutant, guard.module, "exec", dont_inherit=True)


@pytest.mark.slow
def test_the_test_of_every_guard_exists() -> None:
    assert not [guard.name for guard in GUARDS if guard.test_name not in _functions(guard.test_file)]


@pytest.mark.parametrize(
    "module",
    [
        "notifications/client_state",
        "notifications/validation_tokens",
        "notifications/decryption",
        "graph/location",
        "notifications/collection",
        "receiving/receive",
        "identity/signing_keys",
    ],
)
def test_every_refusal_lies_within_a_guard(module: str) -> None:
    file = f"shared/{module}.py"
    source = _source(file)
    guarded = {line for guard in GUARDS if guard.module == file for line in _lines(source, guard.snippet)}
    raises = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise)]
    assert raises
    assert not [ast.unparse(node) for node in raises if node.lineno not in guarded]
