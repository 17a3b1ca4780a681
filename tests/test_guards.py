"""The list of guards, held to the source: it cannot rot without a test that says so."""

import ast
import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import override

import pytest

from tests.guards.edits import Edit, EditError, rewrite, without_if, without_raise
from tests.guards.guard import REPOSITORY, Guard, located
from tests.guards.listed import GUARDS

_HOLE = re.compile(r"\b_\d\b")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse((REPOSITORY / module).read_text(encoding="utf-8"))


@cache
def _functions(module: str) -> frozenset[str]:
    return frozenset(node.name for node in _tree(module).body if isinstance(node, ast.FunctionDef))


def _guarded(guard: Guard) -> ast.stmt:
    block, index = located(_tree(guard.module), guard.function)
    return block[index]


def test_every_guard_has_a_name_of_its_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


@pytest.mark.slow
def test_every_guard_applies_once_and_leaves_python() -> None:
    for guard in GUARDS:
        guarded = _guarded(guard)
        mutant = ast.unparse(guard.edit(guarded))
        assert mutant != ast.unparse(guarded), guard.name
        assert not _HOLE.search(mutant), guard.name
        compile(mutant, guard.module, "exec", dont_inherit=True)


@pytest.mark.slow
def test_the_test_of_every_guard_exists() -> None:
    assert not [guard.name for guard in GUARDS if guard.test_name not in _functions(guard.test_file)]


@pytest.mark.slow
def test_a_renamed_variable_breaks_no_guard() -> None:
    for guard in GUARDS:
        guarded = _guarded(guard)
        renamed = _Renamed(guarded)
        without = ast.unparse(renamed.visit(guard.edit(guarded)))
        assert ast.unparse(guard.edit(renamed.visit(copy.deepcopy(guarded)))) == without, guard.name


@pytest.mark.parametrize("edit", [without_if("no_word"), without_raise("ValueError"), rewrite("_.get(_)", "None")])
def test_an_edit_that_fits_none_or_several_nodes_is_an_error(edit: Edit) -> None:
    (function,) = ast.parse(
        "def f(a):\n  if a.get(1):\n    raise ValueError\n  if a.get(2):\n    raise ValueError\n"
    ).body
    with pytest.raises(EditError):
        edit(function)


@pytest.mark.parametrize(
    "module",
    [
        "notifications/validation_tokens",
        "notifications/decryption",
        "graph/location",
        "notifications/collection",
        "notifications/json_text",
        "notifications/properties",
        "receiving/receive",
        "receiving/item_publisher",
        "identity/signing_keys",
    ],
)
def test_every_refusal_lies_within_a_guard(module: str) -> None:
    file = f"shared/{module}.py"
    refusals = dict(_refusals(_tree(file)))
    assert refusals
    for guard in GUARDS:
        if guard.module == file:
            guarded = _guarded(guard)
            left = dict(_refusals(guard.edit(guarded)))
            for position, reasons in _refusals(guarded):
                if left.get(position) != reasons:
                    refusals.pop(position, None)
    assert not refusals


def _refusals(node: ast.AST, *reasons: str) -> Iterator[tuple[tuple[int, int], tuple[str, ...]]]:
    """Yield the position of each ``raise``, and the conditions and errors that lead to it."""
    if isinstance(node, ast.Raise):
        yield (node.lineno, node.col_offset), reasons
    if isinstance(node, ast.If | ast.ExceptHandler):
        reason = node.test if isinstance(node, ast.If) else node.type
        reasons = (*reasons, ast.unparse(reason) if reason else "")
    for child in ast.iter_child_nodes(node):
        yield from _refusals(child, *reasons)


class _Renamed(ast.NodeTransformer):
    """Renames the variables of one function: all names that it binds, but for ``self``, ``cls`` and keywords."""

    def __init__(self, function: ast.AST) -> None:
        nodes = list(ast.walk(function))
        arguments = [node for node in nodes if isinstance(node, ast.arguments)]
        bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        bound |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler | ast.MatchAs) and node.name}
        bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node is not function}
        keywords = {each.arg for of_one in arguments for each in of_one.kwonlyargs}
        self._names = bound - keywords - {"self", "cls"} if isinstance(function, ast.FunctionDef) else set()

    @override
    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in ("id", "arg", "name"):
            value = getattr(node, name, None)
            if value in self._names and not isinstance(node, ast.keyword):
                setattr(node, name, f"{value}_renamed")
        return super().generic_visit(node)
