"""A setting described once, from its dataclass field: type, default, range, help, and how it is typed.

It knows no particular setting.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from dataclasses import dataclass
from typing import Any

from store.errors import BadInput


def setting(default: Any, group: str, help: str, **limits: Any) -> Any:
    """A dataclass field that carries its own description.

    Args:
        default: Its default.
        group: Under which heading a form shows it.
        help: One line.
        limits: `unit`, `low`, `above`, `high`, `choices`, as in `FieldInfo`.
    """
    return dataclasses.field(default=default, metadata={"group": group, "help": help, **limits})


@functools.cache
def describe(settings: type) -> tuple[FieldInfo, ...]:
    """Every setting of a dataclass whose fields were made by `setting`, in order."""
    hints = typing.get_type_hints(settings)
    return tuple(_describe(field, hints[field.name]) for field in dataclasses.fields(settings))


@dataclass(frozen=True)
class FieldInfo:
    """One setting, described for flags, form, run file and docs."""

    name: str
    type: type
    """int, float, str, bool or tuple (of names)."""
    optional: bool
    """Whether it may be left to the workbench (`auto`)."""
    default: Any
    help: str
    unit: str | None
    low: float | None
    above: float | None
    """Like `low`, but the bound itself is not allowed."""
    high: float | None
    choices: tuple[str, ...] | None
    group: str

    def parse(self, text: str) -> Any:
        """Read the value from what a person typed.

        Raises:
            BadInput: The text is no value of this type or out of range.
        """
        try:
            value = self._read(text.strip())
        except ValueError:
            raise BadInput(
                f"{self.name} = {text!r} is not {self._kind()}", f"give {self.allowed()}"
            ) from None
        problem = self.problem(value)
        if problem:
            raise BadInput(problem, f"give {self.allowed()}")
        return value

    def convert(self, value: Any) -> Any:
        """A value of plain TOML or JSON type as this field's type; what does not fit comes back as it is."""
        if self.optional and value == "auto":
            return None
        if self.type is tuple and isinstance(value, (list, str)):
            return tuple(value) if isinstance(value, list) else self._read(value)
        return float(value) if self.type is float and type(value) is int else value

    def show(self, value: Any) -> str:
        """The value as `parse` reads it."""
        if value is None:
            return "auto"
        if isinstance(value, bool):
            return "true" if value else "false"
        return ",".join(value) if isinstance(value, tuple) else str(value)

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, or None."""
        if value is None:
            return None if self.optional else f"{self.name} needs {self.allowed()}"
        shown = f"{self.name} = {self.show(value)}"
        if not self._is_type(value):
            return f"{self.name} = {value!r} is not {self._kind()}"
        if self.choices and value not in self.choices:
            return f"{shown} is not one of {', '.join(self.choices)}"
        if isinstance(value, tuple):
            return None if value and all(value) else f"{self.name} names no module"
        if not isinstance(value, (int, float)):
            return None
        if not math.isfinite(value):
            return f"{shown} is not a finite number"
        inside = (
            (self.low is None or value >= self.low)
            and (self.above is None or value > self.above)
            and (self.high is None or value <= self.high)
        )
        return None if inside else f"{shown} is out of range: {self.allowed()}"

    def allowed(self) -> str:
        """The values allowed, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        bounds = [
            text
            for text, bound in (
                (f"at least {self.low}", self.low),
                (f"above {self.above}", self.above),
                (f"at most {self.high}", self.high),
            )
            if bound is not None
        ]
        return " ".join([self._kind(), " and ".join(bounds)]).strip() + (" or auto" if self.optional else "")

    def _kind(self) -> str:
        names = {
            int: "a whole number",
            float: "a number",
            bool: "true or false",
            tuple: "names with commas between",
        }
        return names.get(self.type, "a text")

    def _is_type(self, value: Any) -> bool:
        if self.type is tuple:
            return isinstance(value, tuple) and all(isinstance(name, str) for name in value)
        if isinstance(value, bool) or self.type is bool:
            return isinstance(value, bool) and self.type is bool
        return isinstance(value, (int, float) if self.type is float else self.type)

    def _read(self, text: str) -> Any:
        if self.optional and text.lower() in ("auto", "none", ""):
            return None
        if self.type is bool:
            return _read_bool(text)
        if self.type is tuple:
            return tuple(name.strip() for name in text.split(","))
        return self.type(text)


def _describe(field: dataclasses.Field[Any], hint: Any) -> FieldInfo:
    optional = isinstance(hint, types.UnionType)
    bare = typing.get_args(hint)[0] if optional else hint
    meta = field.metadata
    return FieldInfo(
        name=field.name,
        type=typing.get_origin(bare) or bare,
        optional=optional,
        default=field.default,
        help=meta["help"],
        unit=meta.get("unit"),
        low=meta.get("low"),
        above=meta.get("above"),
        high=meta.get("high"),
        choices=meta.get("choices"),
        group=meta["group"],
    )


def _read_bool(text: str) -> bool:
    values = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if text.lower() not in values:
        raise ValueError(text)
    return values[text.lower()]
