"""The filters, methods and operators that templates have: Jinja2's and Python's, made to count and to refuse.

They know values and their limits, not templates; `sandbox` hangs them into Jinja2.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from itertools import islice
from numbers import Number
from typing import Any, cast

from jinja2 import Environment, Undefined, pass_context, pass_environment
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.runtime import Context
from jinja2.tests import TESTS

from workbench.composing.limits import (
    MAX_DIGITS,
    MAX_ITERATIONS,
    MAX_PIECES,
    LimitError,
    check_bits,
    check_length,
    check_pieces,
    check_weight,
    counted,
    made,
    seek,
    weighed,
    weight_of,
)


def bounded_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_ITERATIONS:
        raise LimitError(f"its range has more than {MAX_ITERATIONS:,} numbers")
    return numbers


@pass_context
def _piece(_context: Context, value: Any) -> str:
    """A part of a text that is put together out of sight; what takes the context is never a constant."""
    return shown(value)


def _sliced(value: Any, start: Any = None, stop: Any = None, step: Any = None) -> tuple[Any]:
    _check_defined(value, start, stop, step)
    return (made(value[start:stop:step]),)


def _is_in(value: Any, values: Any) -> bool:
    _check_defined(value, values)
    if isinstance(value, str) and isinstance(values, str):
        seek(values, [value])
    return value in values


def _check_defined(*values: Any) -> None:
    for value in values:
        if isinstance(value, Undefined):
            str(value)  # raises, and says what is undefined


def _listed(values: Iterable[Any]) -> list[Any]:
    found = list(islice(values, MAX_PIECES + 1))
    check_pieces(len(found))
    return found


def _of_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of lists that would take a long text apart into its characters."""

    @functools.wraps(function)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if isinstance(value, str | bytes):
                check_pieces(len(value))
        return function(*args, **kwargs)

    return bounded


@pass_environment
def _summed(environment: Environment, values: Iterable[Any], attribute: Any = None, start: Any = 0) -> Any:
    if attribute is not None:
        values = map(make_attrgetter(environment, attribute), values)
    total = start
    for value in values:
        if not isinstance(value, Number) or not isinstance(total, Number):
            raise LimitError("it sums up something else than numbers")
        total = total + value  # type: ignore[operator]
    return total


def _integer(value: Any, default: Any = 0, base: int = 10) -> Any:
    if isinstance(value, str) and len(value) > MAX_DIGITS:
        raise LimitError(f"it reads a number of more than {MAX_DIGITS:,} digits")
    return FILTERS["int"](value, default, base)


def shown(value: Any) -> str:
    """What a value looks like in a prompt: a missing value is nothing, not the word None."""
    return "" if value is None else plain_text(value)


def plain_text(value: Any) -> str:
    """Write a value out, unless it is too large."""
    if isinstance(value, str):
        return value
    weight_of(value)
    return str(value)


@pass_environment
def _joined(environment: Environment, values: Iterable[Any], d: Any = "", attribute: Any = None) -> str:
    if attribute is not None:
        values = map(make_attrgetter(environment, attribute), values)
    return _join(shown(d), values)


def _join(separator: str, values: Iterable[Any]) -> str:
    parts: list[str] = []
    size = 0
    for value in values:
        parts.append(shown(value))
        size += len(parts[-1]) + len(separator)
        check_length(size)
    return separator.join(parts)


def _replaced(text: Any, old: Any, new: Any, count: int = -1) -> str:
    text, old, new = shown(text), shown(old), shown(new)
    seek(text, [old, old])
    times = text.count(old) if count < 0 else min(text.count(old), count)
    if len(new) > len(old):
        check_length(len(text) + times * (len(new) - len(old)))
    return str(text.replace(old, new, count))


def _split(text: str, sep: str | None = None, maxsplit: int = -1, *, backwards: bool = False) -> list[str]:
    seek(text, [sep], backwards=backwards)
    most = maxsplit if 0 <= maxsplit < MAX_PIECES else MAX_PIECES
    found = text.rsplit(sep, most) if backwards else text.split(sep, most)
    check_pieces(len(found))
    return found


def _splitlines(text: str, keepends: bool = False) -> list[str]:
    check_pieces(sum(map(text.count, _LINE_ENDS)))
    return text.splitlines(keepends)


def _trimmed(value: Any, chars: str | None = None) -> str:
    text = shown(value)
    seek(text, [chars], backwards=True)
    return text.strip(chars)


def _rounded(value: Any, precision: int = 0, method: Any = "common") -> Any:
    if abs(precision) > 15:
        raise LimitError("it rounds to more than 15 places")
    return FILTERS["round"](value, precision, method)


def _json(value: Any, indent: int | None = None) -> str:
    _check_defined(value)
    if indent is not None and not 0 <= indent <= 8:
        raise LimitError(f"it indents JSON by {indent}, not by 0 to 8")
    return json.dumps(weighed(value), ensure_ascii=False, indent=indent)


def _guard_add(left: Any, right: Any) -> None:
    if isinstance(left, str) and isinstance(right, str):
        check_length(len(left) + len(right))
    elif isinstance(left, list | tuple):
        check_weight(weight_of(left) + weight_of(right))


def _guard_multiply(left: Any, right: Any) -> None:
    for factor, times in ((left, right), (right, left)):
        if isinstance(factor, str | bytes) and isinstance(times, int):
            check_length(len(factor) * times)
        elif isinstance(factor, list | tuple) and isinstance(times, int):
            check_weight(weight_of(factor) * times)
    if isinstance(left, int) and isinstance(right, int):
        check_bits(left.bit_length() + right.bit_length())


def _guard_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        check_bits(left.bit_length() * abs(right))


def _guard_remainder(left: Any, right: Any) -> None:
    if isinstance(left, str | bytes):
        raise LimitError("it formats a text by %; join texts by ~ instead")
    _guard_number(left, right)


def _guard_number(left: Any, right: Any) -> None:
    for number in (left, right):
        if isinstance(number, int):
            check_bits(number.bit_length())


OPERATORS: dict[str, Callable[[Any, Any], None]] = {
    "+": _guard_add,
    "-": _guard_number,
    "*": _guard_multiply,
    "/": _guard_number,
    "//": _guard_number,
    "%": _guard_remainder,
    "**": _guard_power,
}

OWN_METHODS: dict[str, Callable[..., Any]] = {
    "join": _join,
    "replace": _replaced,
    "rsplit": functools.partial(_split, backwards=True),
    "split": _split,
    "splitlines": _splitlines,
}
SEARCHING_BACKWARDS = {"rfind", "rindex", "rpartition", "strip", "lstrip", "rstrip"}
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

OWN_FILTERS: dict[str, Callable[..., Any]] = {
    "_counted": counted,
    "_is_in": _is_in,
    "_piece": _piece,
    "_sliced": _sliced,
    "_weighed": weighed,
    "int": _integer,
    "join": _joined,
    "list": _listed,
    "max": _of_values(FILTERS["max"]),
    "min": _of_values(FILTERS["min"]),
    "replace": _replaced,
    "round": _rounded,
    "sort": _of_values(FILTERS["sort"]),
    "string": shown,
    "sum": _summed,
    "tojson": _json,
    "trim": _trimmed,
    "unique": _of_values(FILTERS["unique"]),
}

TESTS_OF_VALUES = cast(dict[str, Callable[..., Any]], TESTS) | {"in": _is_in}

# Left out on purpose: what draws at random, what pads to any width, and what makes HTML.
PLAIN_FILTERS = """
    abs capitalize count d default dictsort first float items last length lower map reject rejectattr reverse
    select selectattr title truncate upper wordcount
""".split()  # noqa: SIM905 - one name a line would fill a screen

METHODS = frozenset(
    """
    capitalize casefold count endswith find get index isalnum isalpha isdigit islower isnumeric isspace
    istitle isupper items keys lower lstrip partition removeprefix removesuffix rfind rindex rpartition rstrip
    startswith strip swapcase title upper values
    """.split()  # noqa: SIM905 - one name a line would fill a screen
)

METHOD_NAMES = tuple(sorted({*METHODS, *OWN_METHODS}))
FILTER_NAMES = tuple(sorted(name for name in {*PLAIN_FILTERS, *OWN_FILTERS} if name[0] != "_"))
