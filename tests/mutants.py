# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a mutation run changes: operators, conditions, constants, entries of tables, alternatives of patterns, named
arguments, statements.

Documentation, types, decorators, and the words of errors stay as they are.
"""

from __future__ import annotations

import ast
import collections
import functools
from typing import Any, Iterator, NamedTuple

SWAPPED = {
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.In: [ast.NotIn], ast.NotIn: [ast.In],
    ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
    ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE], ast.GtE: [ast.Gt, ast.Lt],
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult], ast.Pow: [ast.Mult],
    ast.BitOr: [ast.BitAnd], ast.BitAnd: [ast.BitOr],
    ast.And: [ast.Or], ast.Or: [ast.And],
}  # fmt: skip
#: Calls that become what they are made of: `text.lower()` becomes `text`, `sorted(names)` becomes `names`.
METHODS, FUNCTIONS = ("lower", "strip", "rstrip", "ljust"), ("sorted",)
#: Where a tuple is a table of which an entry can be left out; elsewhere its length shows.
TABLES = (ast.Compare, ast.Call, ast.BinOp, ast.keyword)
#: Parts of functions and classes that no test could tell from others.
SKIPPED = ("annotation", "returns", "decorator_list", "type_params")


class Mutant(NamedTuple):
    """`function` is the outermost function around the change, None for what is run at the import; `lines` are those of
    the statement.
    """

    name: str
    module: str
    line: int
    lines: range
    function: ast.AST | None
    tree: ast.Module
    place: tuple[ast.AST, str, int | None]
    new: ast.AST

    @property
    def key(self) -> tuple[int, str]:
        """By what the code of the function is found: its first line, decorators included, and its name."""
        function: Any = self.function
        first = min([function.lineno, *(one.lineno for one in getattr(function, "decorator_list", ()))])
        return first, getattr(function, "name", "<lambda>")

    def compiled(self, path: str) -> Any:
        """The whole module with the change in it. The tree stays changed: a process is good for one mutant."""
        parent, field, index = self.place
        if index is None:
            setattr(parent, field, self.new)
        else:
            getattr(parent, field)[index] = self.new
        return compile(ast.fix_missing_locations(self.tree), path, "exec")


def mutants_of(module: str, source: str) -> list[Mutant]:
    tree = ast.parse(source)
    found: list[Mutant] = []
    count: collections.Counter[str] = collections.Counter()

    def visit(node: ast.AST, scope: str, function: ast.AST | None, lines: range) -> None:
        for field, value in ast.iter_fields(node):
            if field in SKIPPED:
                continue
            inside = function or (node if isinstance(node, (ast.FunctionDef, ast.Lambda)) and field == "body" else None)
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(child, ast.AST) or (
                    isinstance(child, ast.Constant) and isinstance(node, (ast.JoinedStr, ast.Expr))
                ):
                    continue
                here = _lines(child) if isinstance(child, ast.stmt) else lines
                loose = isinstance(child, ast.Tuple) and not (
                    isinstance(node, TABLES) or (isinstance(node, ast.Assign) and inside is None)
                )
                for new in () if loose else variants(child):
                    name = f"{module}{scope}: {_difference(_text(child), _text(new))}"
                    count[name] += 1
                    name += f" #{count[name]}" if count[name] > 1 else ""
                    found.append(
                        Mutant(
                            name,
                            module,
                            getattr(child, "lineno", here.start),
                            here,
                            inside,
                            tree,
                            (node, field, index),
                            new,
                        )
                    )
                if not isinstance(child, ast.Raise) and not _is_type(child):
                    visit(
                        child,
                        scope + (f".{child.name}" if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else ""),
                        inside,
                        here,
                    )

    visit(tree, "", None, range(0))
    return found


def _is_type(node: ast.AST) -> bool:
    """`Callable[...]`, whose strings are names of types."""
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Callable"


def _lines(statement: ast.stmt) -> range:
    """Those of the statement itself, not of what is in its body."""
    body: list[ast.stmt] = getattr(statement, "body", [])
    return range(
        statement.lineno, max(statement.lineno + 1, body[0].lineno if body else (statement.end_lineno or 0) + 1)
    )


def _text(node: ast.AST) -> str:
    return f"if {ast.unparse(node.test)}" if isinstance(node, (ast.If, ast.While)) else ast.unparse(node).strip()


def _difference(before: str, after: str) -> str:
    """Both, or of what is long the part in which they differ."""
    if len(before) + len(after) > 140:
        first = next(
            (at for at, (one, other) in enumerate(zip(before, after)) if one != other), min(len(before), len(after))
        )
        before, after = (
            "…" * (first > 30) + text[max(0, first - 30) : first + 40] + "…" * (len(text) > first + 40)
            for text in (before, after)
        )
    return " ".join(f"{before} -> {after}".split())


def _with(node: Any, **changed: Any) -> Any:
    return ast.copy_location(
        type(node)(**{**{field: getattr(node, field, None) for field in node._fields}, **changed}), node
    )


def variants(node: Any) -> Iterator[ast.AST]:
    """What a node could be instead."""
    make = functools.partial(_with, node)
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            yield from (
                make(ops=[*node.ops[:at], swapped(), *node.ops[at + 1 :]]) for swapped in SWAPPED[type(operator)]
            )
    elif isinstance(node, ast.BoolOp):
        yield make(op=SWAPPED[type(node.op)][0]())
        for left in _without_one(node.values):
            yield left[0] if len(left) == 1 else make(values=left)
    elif isinstance(node, ast.BinOp):
        yield from (make(op=swapped()) for swapped in SWAPPED.get(type(node.op), ()))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield make(test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Constant):
        yield from _constants(node.value)
    elif isinstance(node, (ast.List, ast.Set, ast.Tuple)):
        if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and (
            len(node.elts) > 1 or any(isinstance(one, ast.Starred) for one in node.elts)
        ):
            yield from (make(elts=left) for left in _without_one(node.elts))
    elif isinstance(node, ast.Dict):
        yield from (
            make(keys=keys, values=values) for keys, values in zip(_without_one(node.keys), _without_one(node.values))
        )
    elif isinstance(node, ast.Call):
        yield from (make(keywords=left) for left in _without_one(node.keywords))
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            yield node.func.value
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            yield node.args[0]
    elif isinstance(node, ast.comprehension):
        yield from (make(ifs=left) for left in _without_one(node.ifs))
    elif isinstance(node, ast.Return):
        if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield make(value=ast.Constant(None))
    elif isinstance(node, (ast.Raise, ast.Continue, ast.Break, ast.Delete, ast.AugAssign)) or _is_effect(node):
        yield ast.Pass()


def _without_one(parts: list[Any]) -> Iterator[list[Any]]:
    return (parts[:at] + parts[at + 1 :] for at in range(len(parts)))


def _is_effect(node: ast.AST) -> bool:
    """A statement whose loss does not show by a missing name."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assign) and any(
        isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets
    )


def _constants(value: Any) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
    elif isinstance(value, str):
        alternatives = _alternatives(value)
        if len(alternatives) > 1:
            yield from (ast.Constant("|".join(left)) for left in _without_one(alternatives))
        elif " " not in value.strip() or not value.isprintable():  # or it is a sentence
            yield ast.Constant(value + "X")


def _alternatives(pattern: str) -> list[str]:
    """The outermost alternatives of a regular expression; of other text, the text."""
    parts, depth = [""], 0
    for char in pattern:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(char, 0)
        if char == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts
