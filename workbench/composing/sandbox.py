"""The Jinja2 environment that templates run in: no template can reach Python, hang, or fill the memory.

Jinja2's own sandbox guards what may be reached. The limits on size, loops and time are added here; what a
template is for, and how its errors read, is the business of `template`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from workbench.composing.functions import (
    FILTER_NAMES,
    METHOD_NAMES,
    METHODS,
    OPERATORS,
    OWN_FILTERS,
    OWN_METHODS,
    PLAIN_FILTERS,
    SEARCHING_BACKWARDS,
    TESTS_OF_VALUES,
    bounded_range,
    plain_text,
    shown,
)
from workbench.composing.guarding import IMPORTING, guard, undeclared
from workbench.composing.limits import (
    LimitError,
    budget,
    charged,
    check_length,
    cost,
    made,
    nothing_in_advance,
    seek,
    timed,
    weighed,
    work,
)

__all__ = [
    "FAULTS",
    "FILTER_NAMES",
    "IMPORTING",
    "METHOD_NAMES",
    "LimitError",
    "Sandbox",
    "budget",
    "charged",
    "guard",
    "output",
    "plain_text",
    "undeclared",
]


def output(pieces: Iterable[str]) -> str:
    """Join what a template gives out, piece by piece, as long as it is within the limit.

    Raises:
        LimitError: The text is too long.
    """
    found: list[str] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        check_length(length)
        work(1)
        found.append(piece)
    return "".join(found)


FAULTS: tuple[type[Exception], ...] = (
    TemplateError,
    LimitError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
)
"""What a rendering may end with: all of it is the template's fault or the row's, none of it ours."""


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with the filters and methods that prompts need, none of which makes much out of little."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            finalize=shown,
            cache_size=0,
            optimized=False,
        )
        self.globals = {"range": bounded_range, "namespace": _Namespace}
        plain = {name: FILTERS[name] for name in PLAIN_FILTERS}
        self.filters = {name: charged(function) for name, function in (plain | OWN_FILTERS).items()}
        self.tests = {name: timed(function) for name, function in TESTS_OF_VALUES.items()}

    def _generate(self, *args: Any, **kwargs: Any) -> str:
        with nothing_in_advance():
            return super()._generate(*args, **kwargs)

    def wrap_str_format(self, value: Any) -> None:
        """Give `text.format` no special treatment: it pads to any width, so it is refused like the rest."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Jinja2's own rule, and of what that lets through only methods known to be harmless."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        return isinstance(obj, LoopContext | Namespace) or attr in METHODS

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Answer methods such as `text.replace` by functions that look at the size first."""
        if isinstance(obj, str) and attribute in OWN_METHODS:
            return functools.partial(OWN_METHODS[attribute], obj)
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse a result that would be too large before it is worked out."""
        OPERATORS[operator](left, right)
        result = super().call_binop(context, operator, left, right)
        return made(result)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Charge what a call takes and gives; the odd parameter names leave every keyword argument free."""
        for value in (*args, *kwargs.values()):
            weighed(value)
        owner = getattr(__obj, "__self__", None)
        work(cost(owner))
        if isinstance(owner, str):
            seek(owner, args, backwards=__obj.__name__ in SEARCHING_BACKWARDS)
        return made(super().call(__context, __obj, *args, **kwargs))


class _Namespace(Namespace):
    """Jinja2's own, but written out without what is in it: namespaces in namespaces would be endless."""

    def __repr__(self) -> str:
        return "<namespace>"
