"""What rendering one template may cost, and how it is counted; the names of limits stand in their errors.

Whatever makes, searches or takes apart a value asks here first, so that no step runs long or fills the memory
on its own. What is counted is the business of `guarding` and `functions`.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Any

MAX_NODES = 2_000
MAX_LOOP_DEPTH = 3
MAX_ITERATIONS = 20_000
MAX_CHARACTERS = 1_000_000
"""Of an output, and of any text that a template puts together."""
MAX_WEIGHT = 100_000
"""Of any value that a template puts together, through all depths: 1 for each value and for ten characters."""
MAX_PIECES = 200_000
"""The most values that a text is taken apart into."""
MAX_WORK = 100_000_000
"""The most that one rendering may read and make on the way, about in bytes."""
MAX_DIGITS = 1_000
MAX_INTEGER_BITS = 1_024
MAX_SECONDS = 1.5
"""Below the two seconds after which a preview gives up, so that the template's own error is what is told."""


class LimitError(Exception):
    """A template asks for more than a prompt needs; the message says what."""


class _Budget:
    """What one rendering may still spend."""

    def __init__(self, work: int) -> None:
        self._iterations = MAX_ITERATIONS
        self._work = work
        self._deadline = time.monotonic() + MAX_SECONDS

    def iterate(self) -> None:
        self._iterations -= 1
        if self._iterations < 0:
            raise LimitError(f"its loops run more than {MAX_ITERATIONS:,} times in all")
        self.work(1)

    def work(self, amount: int) -> None:
        self._work -= amount
        if self._work < 0:
            raise LimitError("it makes or searches too much text on the way")
        if time.monotonic() > self._deadline:
            raise LimitError(f"it takes longer than {MAX_SECONDS:g} seconds")


_budget: ContextVar[_Budget] = ContextVar("budget of the template being rendered")


class _Open:
    """A budget that holds within; written out, since a generator would take longer than many a rendering."""

    __slots__ = ("_token", "_work")
    _token: Token[_Budget]

    def __init__(self, work: int) -> None:
        self._work = work

    def __enter__(self) -> None:
        self._token = _budget.set(_Budget(self._work))

    def __exit__(self, *_: object) -> None:
        _budget.reset(self._token)


def budget() -> AbstractContextManager[None]:
    """Everything rendered within shares one budget of loop iterations, work and time."""
    return _Open(MAX_WORK)


def nothing_in_advance() -> AbstractContextManager[None]:
    """Within, no filter is worked out: what Jinja2 makes of constants when it compiles, it keeps."""
    return _Open(0)


def work(amount: int) -> None:
    """Spend so much of what a rendering may read and make.

    Raises:
        LimitError: There is nothing left, or the time is over.
    """
    _budget.get().work(amount)


def counted(values: Iterable[Any]) -> Iterator[Any]:
    """The values of a loop, each of which counts."""
    for value in values:
        _budget.get().iterate()
        yield value


def charged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter or a test that counts what it takes and what it gives."""

    @functools.wraps(function)
    def counting(*args: Any, **kwargs: Any) -> Any:
        work(sum(map(cost, args)))
        return made(function(*args, **kwargs))

    return counting


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a test that looks at the time: it makes nothing, but may be asked of many values."""

    @functools.wraps(function)
    def testing(*args: Any) -> Any:
        work(1)
        return function(*args)

    return testing


def made(value: Any) -> Any:
    """Count a value that was just made, and hand it on."""
    work(cost(value))
    return value


def cost(value: Any) -> int:
    """About the bytes that a value takes, with what lies directly in it."""
    if isinstance(value, str | bytes):
        return sys.getsizeof(value)
    if isinstance(value, list | tuple | dict):
        return sum(32 + (sys.getsizeof(each) if isinstance(each, str) else 0) for each in value)
    return 8 * len(value) if isinstance(value, range) else 1


def seek(text: str, parts: Iterable[Any], *, backwards: bool = False) -> None:
    """Count a search: for every character of the text it may look at every one of the part.

    Forwards, Python finds long parts in one go over the text; backwards it does not.
    """
    for part in parts:
        if isinstance(part, str):
            work(len(text) * (len(part) if backwards else min(len(part), 100)) // 8)


def check_length(characters: int) -> None:
    """Refuse a text that is too long."""
    if characters > MAX_CHARACTERS:
        raise LimitError(f"it makes a text of more than {MAX_CHARACTERS:,} characters")


def check_weight(weight: int) -> None:
    """Refuse a list or mapping that holds too much."""
    if weight > MAX_WEIGHT:
        raise LimitError(f"it makes a list or mapping of more than {MAX_WEIGHT:,} values")


def weight_of(value: Any) -> int:
    """How much a value holds; a part that occurs twice counts twice, as it would be written out twice."""
    weight, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        weight += 1 + (len(part) // 10 if isinstance(part, str | bytes) else 0)
        check_weight(weight)
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            waiting.extend(part)
            waiting.extend(part.values())
    return weight


def weighed(value: Any) -> Any:
    """Count what a value holds, and hand it on; a text is counted where it is made."""
    if not isinstance(value, str):
        work(weight_of(value))
    return value


def check_pieces(count: int) -> None:
    """Refuse to take a text apart into too many pieces."""
    if count > MAX_PIECES:
        raise LimitError(f"it takes a text apart into more than {MAX_PIECES:,} pieces")


def check_bits(bits: int) -> None:
    """Refuse a number that is too long."""
    if bits > MAX_INTEGER_BITS:
        raise LimitError(f"it works out a number of more than {MAX_INTEGER_BITS:,} bits")
