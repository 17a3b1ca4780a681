"""What a guard is: a function, the edit that takes a check out of it, and the test that must notice."""

import ast
from dataclasses import dataclass
from pathlib import Path

from tests.guards.edits import Edit

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One guard.

    ``function``: the qualified name of a function, or of what the module or a class assigns. ``test``: a pytest node id
    without its parameters.
    """

    name: str
    module: str
    function: str
    edit: Edit
    test: str

    @property
    def test_file(self) -> str:
        """Return the file of the test, from the repository's top."""
        return self.test.partition("::")[0]

    @property
    def test_name(self) -> str:
        """Return the name of the test's function."""
        return self.test.partition("::")[2].partition("[")[0]

    def mutated(self, source: str) -> str:
        """Return the module ``source`` without the guard, and without its comments.

        Raises:
            EditError: the edit does not fit exactly one node.
            LookupError: there is no such function.
        """
        tree = ast.parse(source)
        block, index = located(tree, self.function)
        block[index] = self.edit(block[index])
        return ast.unparse(tree)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A module with guards; calling it makes one."""

    area: str
    module: str

    def __call__(self, name: str, function: str, edit: Edit, test: str) -> Guard:
        """Return a guard of the module."""
        return Guard(name=f"{self.area}: {name}", module=self.module, function=function, edit=edit, test=test)


def located(tree: ast.Module, function: str) -> tuple[list[ast.stmt], int]:
    """Return the block in which a function is defined, and its place there."""
    block = tree.body
    *classes, name = function.split(".")
    for each in classes:
        definition = block[_index(block, each)]
        block = definition.body if isinstance(definition, ast.ClassDef) else []
    return block, _index(block, name)


def _index(block: list[ast.stmt], name: str) -> int:
    for index, statement in enumerate(block):
        if name in _defined(statement):
            return index
    raise LookupError(f"there is no {name}")


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign():
            return [target.id for target in statement.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []
