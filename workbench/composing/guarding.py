"""What a template may not say, and where it is made to count: a walk over what Jinja2 has parsed."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any, cast

from jinja2 import Environment, nodes
from jinja2.meta import TrackingCodeGenerator

from workbench.composing.limits import (
    MAX_LOOP_DEPTH,
    MAX_NODES,
    LimitError,
    check_bits,
    nothing_in_advance,
)

IMPORTING: tuple[type[nodes.Node], ...] = (
    nodes.Extends,
    nodes.Block,
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.ScopedEvalContextModifier,
)
"""Statements that read other templates, which there are none of, or make texts HTML."""
_REFUSED: tuple[type[nodes.Node], ...] = (*IMPORTING, nodes.Macro, nodes.CallBlock)


def guard(
    tree: nodes.Template, *, refused: tuple[type[nodes.Node], ...] = _REFUSED, most_nodes: int = MAX_NODES
) -> None:
    """Refuse what no prompt needs, and make the rest count what it does.

    Args:
        tree: A parsed template; what makes or searches values in it is changed in place, so that it counts.
        refused: The statements that are not allowed.
        most_nodes: The most parts that it may have.

    Raises:
        LimitError: The template is too long, nests loops too deeply, or has a statement not for prompts.
    """
    if next(islice(tree.find_all(nodes.Node), most_nodes, None), None):
        raise LimitError(f"it has more than {most_nodes:,} parts")
    for statement in tree.find_all(refused):
        kind = type(statement).__name__.lower()
        raise LimitError(f"the statement {kind!r} (line {statement.lineno}) is not for prompts")
    _check_loops(tree, 0)
    for constant in tree.find_all(nodes.Const):
        _check_constant(constant.value)
    for text in tree.find_all(nodes.TemplateData):
        _check_constant(text.data)
    for node in list(tree.find_all(_COUNTED)):
        _count(node)


def _check_loops(node: nodes.Node, depth: int) -> None:
    if isinstance(node, nodes.For):
        depth += 1
        if depth > MAX_LOOP_DEPTH:
            raise LimitError(f"its loops are nested more than {MAX_LOOP_DEPTH} deep (line {node.lineno})")
        if node.recursive:
            raise LimitError(f"a recursive loop (line {node.lineno}) is not for prompts")
    for child in node.iter_child_nodes():
        _check_loops(child, depth)


def _check_constant(value: Any) -> None:
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            half = ord(value[error.start])
            raise LimitError(f"it has half a character (\\u{half:04x} without its other half)") from error
    elif isinstance(value, int):
        check_bits(value.bit_length())
    elif isinstance(value, float) and not math.isfinite(value):
        raise LimitError("it has a number that is too large")


_BUFFERED = (nodes.AssignBlock, nodes.FilterBlock, nodes.Macro, nodes.CallBlock)
"""Statements that put a text together out of sight of `output`."""
_COUNTED = (nodes.For, nodes.Concat, nodes.Assign, nodes.With, nodes.Getitem, nodes.Compare, *_BUFFERED)


def _count(node: nodes.Node) -> None:
    if isinstance(node, nodes.For):
        node.iter = _filtered(node.iter, "_counted")
    elif isinstance(node, nodes.Concat):
        parts = nodes.List(node.nodes, lineno=node.lineno, environment=node.environment)
        node.nodes = [_filtered(parts, "join")]
    elif isinstance(node, nodes.Assign):
        node.node = _filtered(node.node, "_weighed")
    elif isinstance(node, nodes.With):
        node.values = [_filtered(value, "_weighed") for value in node.values]
    elif isinstance(node, nodes.Getitem):
        _count_slice(node)
    elif isinstance(node, nodes.Compare):
        _count_search(node)
    else:
        for shown in node.find_all(nodes.Output):
            shown.nodes = [each if _is_piece(each) else _filtered(each, "_piece") for each in shown.nodes]


def _count_slice(node: nodes.Getitem) -> None:
    """Make `text[1:]` count what it copies: Jinja2 leaves slices to Python."""
    if isinstance(node.arg, nodes.Slice):
        ends = [each or nodes.Const(None, lineno=node.lineno) for each in _ends(node.arg)]
        node.node, node.arg = _filtered(node.node, "_sliced", *ends), nodes.Const(0, lineno=node.lineno)


def _ends(cut: nodes.Slice) -> tuple[nodes.Expr | None, ...]:
    return cut.start, cut.stop, cut.step


def _count_search(node: nodes.Compare) -> None:
    """Make `part in text` count what it looks through: it becomes `part | _is_in(text) == true`."""
    if not any(operand.op in {"in", "notin"} for operand in node.ops):
        return
    if len(node.ops) > 1:
        raise LimitError(f"it chains `in` with another comparison (line {node.lineno}); join them by `and`")
    operand = node.ops[0]
    node.expr = _filtered(node.expr, "_is_in", operand.expr)
    operand.expr, operand.op = nodes.Const(operand.op == "in", lineno=node.lineno), "eq"


def _is_piece(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Filter) and node.name == "_piece"


def _filtered(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    value = cast(nodes.Expr, node)
    place = {"lineno": node.lineno, "environment": node.environment}
    return nodes.Filter(value, name, list(args), [], None, None, **place)


def undeclared(tree: nodes.Template) -> set[str]:
    """The names that a template reads and does not set, the global ones too: a column may have such a name.

    Jinja2's own function, without its optimizer: that one tries to work out every part of a part again,
    which takes seconds for long conditions.
    """
    environment = cast(Environment, tree.environment).overlay()
    environment.globals = {}
    tracking = TrackingCodeGenerator(environment)
    tracking.optimizer = None
    with nothing_in_advance():
        tracking.visit(tree)
    return tracking.undeclared_identifiers
