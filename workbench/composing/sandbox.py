"""The Jinja2 environment that templates run in: no template can reach Python, hang, or fill the memory.

Jinja2's own sandbox guards what may be reached. The limits on size, loops and time are added here; what a
template is for, and how its errors read, is the business of `template`.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any, cast

from jinja2 import Environment, StrictUndefined, Undefined, nodes, pass_environment
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

MAX_NODES = 2_000
MAX_LOOP_DEPTH = 3
MAX_ITERATIONS = 20_000
MAX_CHARACTERS = 1_000_000
"""Of an output, and of any text that a template puts together."""
MAX_WEIGHT = 100_000
"""Of any value that a template puts together, through all depths: 1 for each value and for ten characters."""
MAX_WORK = 50_000_000
"""The most characters and values that the filters and methods of one rendering may make in all."""
MAX_INTEGER_BITS = 1_024
MAX_SECONDS = 2.0


class LimitError(Exception):
    """A template asks for more than a prompt needs; the message says what."""


class _Budget:
    """What one rendering may still spend."""

    def __init__(self) -> None:
        self._iterations = MAX_ITERATIONS
        self._work = MAX_WORK
        self._deadline = time.monotonic() + MAX_SECONDS

    def iterate(self) -> None:
        self._iterations -= 1
        if self._iterations < 0:
            raise LimitError(f"its loops run more than {MAX_ITERATIONS:,} times in all")
        self.work(1)

    def work(self, amount: int) -> None:
        self._work -= amount
        if self._work < 0:
            raise LimitError("it makes too much text on the way")
        if time.monotonic() > self._deadline:
            raise LimitError(f"it takes longer than {MAX_SECONDS:g} seconds")


_budget: ContextVar[_Budget] = ContextVar("budget of the template being rendered")


@contextmanager
def budget() -> Iterator[None]:
    """Everything rendered within shares one budget of loop iterations, work and time."""
    token = _budget.set(_Budget())
    try:
        yield
    finally:
        _budget.reset(token)


def output(pieces: Iterable[str]) -> str:
    """Join what a template gives out, piece by piece, as long as it is within the limit.

    Raises:
        LimitError: The text is too long.
    """
    found: list[str] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        _check_length(length)
        _budget.get().work(1)
        found.append(piece)
    return "".join(found)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with the filters and methods that prompts need, none of which makes much out of little."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            finalize=_shown,
            cache_size=0,
        )
        self.globals = {"range": _range, "namespace": _Namespace}
        plain = {name: FILTERS[name] for name in _PLAIN_FILTERS}
        self.filters = {name: charged(function) for name, function in (plain | _OWN_FILTERS).items()}

    def wrap_str_format(self, value: Any) -> None:
        """Give `text.format` no special treatment: it pads to any width, so it is refused like the rest."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Jinja2's own rule, and of what that lets through only methods known to be harmless."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        return isinstance(obj, LoopContext | Namespace) or attr in _METHODS

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Answer `text.replace` and `text.join` by functions that look at the size first."""
        if isinstance(obj, str) and attribute in _GROWING_METHODS:
            return functools.partial(_GROWING_METHODS[attribute], obj)
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse a result that would be too large before it is worked out."""
        _GUARDS[operator](left, right)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Charge what a call takes and gives; the odd parameter names leave every keyword argument free."""
        for value in (*args, *kwargs.values()):
            _weighed(value)
        _budget.get().work(_length(getattr(__obj, "__self__", None)))
        result = super().call(__context, __obj, *args, **kwargs)
        _budget.get().work(_length(result))
        return result


class _Namespace(Namespace):
    """Jinja2's own, but written out without what is in it: namespaces in namespaces would be endless."""

    def __repr__(self) -> str:
        return "<namespace>"


IMPORTING = (nodes.Extends, nodes.Block, nodes.Include, nodes.Import, nodes.FromImport)
"""Statements that read other templates: there are none."""
_REFUSED: tuple[type[nodes.Node], ...] = (*IMPORTING, nodes.Macro, nodes.CallBlock)


def guard(
    tree: nodes.Template, *, refused: tuple[type[nodes.Node], ...] = _REFUSED, most_nodes: int = MAX_NODES
) -> None:
    """Refuse what no prompt needs, and make the rest count what it does.

    Args:
        tree: A parsed template; its loops, joins and assignments are changed in place, so that they count.
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
    for node in list(tree.find_all((nodes.For, nodes.Concat, nodes.Assign, nodes.With))):
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


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    value = cast(nodes.Expr, node)
    return nodes.Filter(value, name, [], [], None, None, lineno=node.lineno, environment=node.environment)


def charged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter that counts what it takes and what it gives."""

    @functools.wraps(function)
    def counting(*args: Any, **kwargs: Any) -> Any:
        _budget.get().work(sum(map(_length, args)))
        result = function(*args, **kwargs)
        _budget.get().work(_length(result))
        return result

    return counting


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple | dict) else 1


def _check_length(characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise LimitError(f"it makes a text of more than {MAX_CHARACTERS:,} characters")


def _check_weight(weight: int) -> None:
    if weight > MAX_WEIGHT:
        raise LimitError(f"it makes a list or mapping of more than {MAX_WEIGHT:,} values")


def _weight(value: Any) -> int:
    """How much a value holds; a part that occurs twice counts twice, as it would be written out twice."""
    weight, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        weight += 1 + (len(part) // 10 if isinstance(part, str | bytes) else 0)
        _check_weight(weight)
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            waiting.extend(part)
            waiting.extend(part.values())
    return weight


def _weighed(value: Any) -> Any:
    if not isinstance(value, str):
        _budget.get().work(_weight(value))
    return value


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        _budget.get().iterate()
        yield value


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_ITERATIONS:
        raise LimitError(f"its range has more than {MAX_ITERATIONS:,} numbers")
    return numbers


def _shown(value: Any) -> str:
    """What a value looks like in a prompt: a missing value is nothing, not the word None."""
    return "" if value is None else plain_text(value)


def plain_text(value: Any) -> str:
    """Write a value out, unless it is too large."""
    if isinstance(value, str):
        return value
    _weight(value)
    return str(value)


@pass_environment
def _joined(environment: Environment, values: Iterable[Any], d: Any = "", attribute: Any = None) -> str:
    if attribute is not None:
        values = map(make_attrgetter(environment, attribute), values)
    return _join(_shown(d), values)


def _join(separator: str, values: Iterable[Any]) -> str:
    parts: list[str] = []
    size = 0
    for value in values:
        parts.append(_shown(value))
        size += len(parts[-1]) + len(separator)
        _check_length(size)
    return separator.join(parts)


def _replaced(text: Any, old: Any, new: Any, count: int = -1) -> str:
    text, old, new = _shown(text), _shown(old), _shown(new)
    times = text.count(old) if count < 0 else min(text.count(old), count)
    if len(new) > len(old):
        _check_length(len(text) + times * (len(new) - len(old)))
    return str(text.replace(old, new, count))


def _rounded(value: Any, precision: int = 0, method: Any = "common") -> Any:
    if abs(precision) > 15:
        raise LimitError("it rounds to more than 15 places")
    return FILTERS["round"](value, precision, method)


def _json(value: Any, indent: int | None = None) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises, and says what is undefined
    if indent is not None and not 0 <= indent <= 8:
        raise LimitError(f"it indents JSON by {indent}, not by 0 to 8")
    return json.dumps(_weighed(value), ensure_ascii=False, indent=indent)


def _guard_add(left: Any, right: Any) -> None:
    if isinstance(left, str) and isinstance(right, str):
        _check_length(len(left) + len(right))
    elif isinstance(left, list | tuple):
        _check_weight(_weight(left) + _weight(right))


def _guard_multiply(left: Any, right: Any) -> None:
    for factor, times in ((left, right), (right, left)):
        if isinstance(factor, str) and isinstance(times, int):
            _check_length(len(factor) * times)
        elif isinstance(factor, list | tuple) and isinstance(times, int):
            _check_weight(_weight(factor) * times)
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())


def _guard_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() * abs(right))


def _guard_remainder(left: Any, _right: Any) -> None:
    if isinstance(left, str):
        raise LimitError("it formats a text by %; join texts by ~ instead")


def _check_bits(bits: int) -> None:
    if bits > MAX_INTEGER_BITS:
        raise LimitError(f"it works out a number of more than {MAX_INTEGER_BITS:,} bits")


_GUARDS: dict[str, Callable[[Any, Any], None]] = {
    "+": _guard_add,
    "*": _guard_multiply,
    "**": _guard_power,
    "%": _guard_remainder,
}

_GROWING_METHODS: dict[str, Callable[..., str]] = {"join": _join, "replace": _replaced}

_OWN_FILTERS: dict[str, Callable[..., Any]] = {
    "_counted": _counted,
    "_weighed": _weighed,
    "join": _joined,
    "replace": _replaced,
    "round": _rounded,
    "string": _shown,
    "tojson": _json,
}

# Left out on purpose: what draws at random, what pads to any width, and what makes HTML.
_PLAIN_FILTERS = """
    abs capitalize count d default dictsort first float int items last length list lower map max min reject
    rejectattr reverse select selectattr sort title trim truncate unique upper wordcount
""".split()  # noqa: SIM905 - one name a line would fill a screen

_METHODS = frozenset(
    """
    capitalize casefold count endswith find get index isalnum isalpha isdigit islower isnumeric isspace
    istitle isupper items keys lower lstrip partition removeprefix removesuffix rfind rindex rpartition rsplit
    rstrip split splitlines startswith strip swapcase title upper values
    """.split()  # noqa: SIM905 - one name a line would fill a screen
)

METHOD_NAMES = tuple(sorted({*_METHODS, *_GROWING_METHODS}))
FILTER_NAMES = tuple(sorted({*_PLAIN_FILTERS, *_OWN_FILTERS} - {"_counted", "_weighed"}))
