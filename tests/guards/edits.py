"""Edits of a function's syntax tree, each of which takes one check away.

An edit selects nodes by words that are no local names: a function, attribute, keyword, error class, constant or name of
the module. So a renamed variable breaks no edit. An edit that fits no node, or more than one, raises EditError.
"""

import ast
import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import override

type Edit = Callable[[ast.stmt], ast.stmt]
"""Returns the edited statement, and leaves the one that it is given as it is."""

type _Change = Mapping[ast.AST, Sequence[ast.AST]]
"""Nodes, with what takes the place of each."""

_HOLE = re.compile(r"_\d?")


class EditError(ValueError):
    """An edit does not fit exactly one node."""


def rewrite(pattern: str, replacement: str, nth: int | None = None) -> Edit:
    """Replace the expression or statement that has the form of ``pattern``.

    ``_`` stands for any expression; ``_1``, ``_2`` likewise, and for the same one in ``replacement``.
    """
    sought, instead = _parsed(pattern), _parsed(replacement)

    def changes(node: ast.AST) -> Iterator[_Change]:
        holes: dict[str, ast.AST] = {}
        if _fits(sought, node, holes):
            yield {node: [_filled(instead, holes)]}

    return _edit(f"rewrite({pattern!r})", changes, nth)


def without_raise(error: str, mentions: str | None = None, nth: int | None = None) -> Edit:
    """Drop the ``if`` or the ``except`` that does nothing but raise ``error``, or else the ``raise`` alone.

    ``mentions``: a word in the condition, or in what the ``except`` catches.
    """

    def changes(node: ast.AST) -> Iterator[_Change]:
        for block in _blocks(node):
            for each in block:
                if isinstance(each, ast.Raise) and each.exc is not None and _name(each.exc) == error:
                    is_all = isinstance(node, ast.If | ast.ExceptHandler) and block == node.body == [each]
                    unit = node if is_all else each
                    reason = unit.test if isinstance(unit, ast.If) else unit
                    if mentions is None or _mentions(reason, mentions):
                        yield {unit: unit.orelse if isinstance(unit, ast.If) else []}

    return _edit(f"without_raise({error!r}, {mentions!r})", changes, nth)


def without_if(mentions: str) -> Edit:
    """Drop the ``if`` whose condition has this word; what stands under its ``else`` remains."""

    def changes(node: ast.AST) -> Iterator[_Change]:
        if isinstance(node, ast.If) and _mentions(node.test, mentions):
            yield {node: node.orelse}

    return _edit(f"without_if({mentions!r})", changes)


def condition(mentions: str, *, becomes: bool, nth: int | None = None) -> Edit:
    """Let the condition that has this word be always true or always false."""

    def changes(node: ast.AST) -> Iterator[_Change]:
        tests = node.ifs if isinstance(node, ast.comprehension) else []
        for test in [node.test] if isinstance(node, ast.If | ast.IfExp | ast.While) else tests:
            if _mentions(test, mentions):
                yield {test: [ast.Constant(becomes)]}

    return _edit(f"condition({mentions!r})", changes, nth)


def without_operand(mentions: str) -> Edit:
    """Drop the operand of ``and`` or ``or`` that has this word."""

    def changes(node: ast.AST) -> Iterator[_Change]:
        for operand in node.values if isinstance(node, ast.BoolOp) else []:
            if isinstance(node, ast.BoolOp) and _mentions(operand, mentions):
                rest = [each for each in node.values if each is not operand]
                yield {node: [ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]]}

    return _edit(f"without_operand({mentions!r})", changes)


def without_call(function: str) -> Edit:
    """Drop the statement that calls ``function``; within an expression, its first argument takes the call's place."""

    def changes(node: ast.AST) -> Iterator[_Change]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call) and _name(child) == function:
                yield {node: []} if isinstance(node, ast.Expr) else {child: child.args[:1]}

    return _edit(f"without_call({function!r})", changes)


def without_keyword(call: str, keyword: str, mentions: str | None = None) -> Edit:
    """Drop a keyword argument; ``mentions``: a word in the call."""
    return _keyword(call, keyword, mentions, lambda _: [])


def keyword_becomes(call: str, keyword: str, value: str) -> Edit:
    """Replace a keyword argument; ``_`` in ``value`` stands for the present one."""
    new = ast.keyword(keyword, ast.parse(value, mode="eval").body)
    return _keyword(call, keyword, None, lambda now: [_filled(new, {"_": now})])


def _keyword(call: str, keyword: str, mentions: str | None, new: Callable[[ast.expr], Sequence[ast.AST]]) -> Edit:
    def changes(node: ast.AST) -> Iterator[_Change]:
        if isinstance(node, ast.Call) and _name(node) == call and (mentions is None or _mentions(node, mentions)):
            for each in node.keywords:
                if each.arg == keyword:
                    yield {each: new(each.value)}

    return _edit(f"the keyword {keyword!r} of {call!r}", changes)


def without_item(word: str) -> Edit:
    """Drop the element that is this name or text from a tuple, list or set: a claim, or an error that is caught."""

    def changes(node: ast.AST) -> Iterator[_Change]:
        for each in node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else []:
            if word in _words(each):
                yield {each: []}

    return _edit(f"without_item({word!r})", changes)


def without_except(error: str) -> Edit:
    """Drop the ``except`` that catches ``error``."""

    def changes(node: ast.AST) -> Iterator[_Change]:
        if isinstance(node, ast.ExceptHandler) and node.type is not None and _mentions(node.type, error):
            yield {node: []}

    return _edit(f"without_except({error!r})", changes)


def without_with(mentions: str) -> Edit:
    """Let the body of the ``with`` that has this word stand alone."""

    def changes(node: ast.AST) -> Iterator[_Change]:
        if isinstance(node, ast.With) and any(_mentions(item, mentions) for item in node.items):
            yield {node: node.body}

    return _edit(f"without_with({mentions!r})", changes)


def exchanged(first: str, second: str) -> Edit:
    """Exchange two statements of one block: the first that has the one word, and the first that has the other."""

    def changes(node: ast.AST) -> Iterator[_Change]:
        for block in _blocks(node):
            one = next((each for each in block if _mentions(each, first)), None)
            other = next((each for each in block if _mentions(each, second)), None)
            if one is not None and other is not None and one is not other:
                yield {one: [other], other: [one]}

    return _edit(f"exchanged({first!r}, {second!r})", changes)


def in_turn(*edits: Edit) -> Edit:
    """Make one edit after the other."""
    return lambda statement: reduce(lambda edited, edit: edit(edited), edits, statement)


def _edit(name: str, changes: Callable[[ast.AST], Iterator[_Change]], nth: int | None = None) -> Edit:
    """Return the edit that makes the one change which ``changes`` finds at all nodes, or the ``nth`` of several."""

    def edit(statement: ast.stmt) -> ast.stmt:
        tree = copy.deepcopy(statement)
        found = sorted((change for node in ast.walk(tree) for change in changes(node)), key=_position)
        if len(found) <= (nth or 0) or (nth is None and len(found) > 1):
            raise EditError(f"{name} fits {len(found)} nodes")
        edited = _Changed(found[nth or 0]).visit(tree)
        if not isinstance(edited, ast.stmt):
            raise EditError(f"{name} leaves nothing of the function")
        return edited

    return edit


class _Changed(ast.NodeTransformer):
    """Makes a change; then fills an empty block, and puts the body of a ``try`` that catches nothing in its place."""

    def __init__(self, change: _Change) -> None:
        self._change = change

    @override
    def visit(self, node: ast.AST) -> ast.AST | list[ast.AST]:
        if node in self._change:
            new = list(self._change[node])
            return new[0] if len(new) == 1 else new
        self.generic_visit(node)
        if isinstance(node, ast.Try) and not node.handlers and not node.finalbody:
            return [*node.body, *node.orelse]
        for name, value in ast.iter_fields(node):
            if name == "body" and value == []:
                setattr(node, name, [ast.Pass()])
        return node


def _parsed(source: str) -> ast.AST:
    (statement,) = ast.parse(source).body
    return statement.value if isinstance(statement, ast.Expr) else statement


def _fits(pattern: object, node: object, holes: dict[str, ast.AST]) -> bool:
    if isinstance(pattern, ast.Name) and _HOLE.fullmatch(pattern.id) and isinstance(node, ast.expr):
        # As text: the same name may be bound in one place and read in another.
        return pattern.id == "_" or ast.unparse(holes.setdefault(pattern.id, node)) == ast.unparse(node)
    if isinstance(pattern, ast.expr_context):
        return True
    if isinstance(pattern, ast.AST):
        pairs = [(getattr(pattern, name), getattr(node, name, None)) for name in pattern._fields]
        return type(pattern) is type(node) and all(_fits(*pair, holes) for pair in pairs)
    if isinstance(pattern, list) and isinstance(node, list):
        return len(pattern) == len(node) and all(_fits(*pair, holes) for pair in zip(pattern, node, strict=True))
    return pattern == node


def _filled[Node: ast.AST](replacement: Node, holes: Mapping[str, ast.AST]) -> Node:
    """Return a copy of ``replacement`` with nodes in its holes."""
    copied = copy.deepcopy(replacement)
    names = (node for node in ast.walk(copied) if isinstance(node, ast.Name) and node.id in holes)
    filled: Node = _Changed({name: [holes[name.id]] for name in names}).visit(copied)  # type: ignore[assignment]
    return copy.deepcopy(filled)


def _position(change: _Change) -> list[tuple[int, int]]:
    return [(getattr(node, "lineno", 0), getattr(node, "col_offset", 0)) for node in change]


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for _, value in ast.iter_fields(node):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield value


def _name(node: ast.AST) -> object:
    """Return the last part of a name, or of the name that a call calls."""
    node = node.func if isinstance(node, ast.Call) else node
    return next(iter(_words(node)), None)


def _words(node: ast.AST) -> set[object]:
    """Return the word of this very node, if it has one."""
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.keyword(arg=word) | ast.Constant(value=word):
            return {word}
        case _:
            return set()


def _mentions(tree: ast.AST, word: str) -> bool:
    return any(word in _words(node) for node in ast.walk(tree))
