"""Rows of JSON: one object per line, or arrays of objects in one document, read in pieces of bounded size."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from store.errors import BadInput
from store.lines import BUFFER_BYTES, MAX_LINE_BYTES, Item, Layout, lines, not_utf8

MAX_DEPTH = 64
MAX_DIGITS = 308  # beyond it a number is no float, and Python refuses the text from 4,300 digits on
SPACE = re.compile(r"[ \t\r\n]*")
SURROGATE_OR_NUL = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


class _Parser:
    """The standard parser, which takes what JSON does not know (NaN) but tells of it afterwards."""

    def __init__(self) -> None:
        self._faults: list[str] = []
        self._decoder = json.JSONDecoder(
            parse_constant=self._constant, parse_float=self._float, parse_int=self._int
        )

    def parse(self, text: str, start: int = 0) -> tuple[Any, int]:
        """Return the value that begins at `start`, and its end; faults are kept for `fault_of`."""
        self._faults.clear()
        return self._decoder.raw_decode(text, start)

    def fault_of(self, value: Any, text: str) -> str:
        """Return why a value, just parsed of this text, cannot be a row; empty when it can."""
        if self._faults:
            return self._faults[0]
        if not isinstance(value, dict):
            return f"{_kind(value)}, not an object"
        if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH} levels"
        return _fault_of_characters(value) if SURROGATE_OR_NUL.search(text) else ""

    def _constant(self, name: str) -> None:
        self._faults.append(f"{name} is not JSON, use null")

    def _float(self, text: str) -> float:
        value = float(text)
        if math.isinf(value):
            self._faults.append(f"the number {text[:20]} is too large")
        return value

    def _int(self, text: str) -> int:
        if len(text) > MAX_DIGITS:
            self._faults.append(f"a number of {len(text)} digits is too long")
            return 0
        return int(text)


def _kind(value: Any) -> str:
    kinds = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _depth(value: Any) -> int:
    depth, layer = 0, [value]
    while layer:
        depth += 1
        members = [m for v in layer for m in (v.values() if isinstance(v, dict) else v)]
        layer = [member for member in members if isinstance(member, (dict, list))]
    return depth


def _fault_of_characters(value: Any) -> str:
    """Look closer at a value whose text has escapes that may be half characters."""
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in text.replace("\\\\", ""):
        return "a NUL character"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"half a character (\\u{ord(text[error.start]):04x} without its other half)"
    return ""


def line_items(path: Path, begin: int) -> Iterator[Item]:
    """Yield the objects of a file of JSON lines; empty lines are passed over."""
    parser = _Parser()
    with path.open("rb", buffering=BUFFER_BYTES) as file:
        for offset, line, raw, fault in lines(file, begin):
            if not raw.isspace():
                row, reason = (None, fault) if fault else _parse_line(parser, raw)
                yield Item(offset, line, row, reason)


def _parse_line(parser: _Parser, raw: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        text = raw.decode("utf-8").strip(" \t\r\n")
        value, end = parser.parse(text)
        if end != len(text):
            return None, f"invalid JSON at column {end + 1}: more after the object"
    except UnicodeDecodeError as error:
        return None, not_utf8(error)
    except json.JSONDecodeError as error:
        return None, f"invalid JSON at column {error.colno}: {error.msg}"
    except RecursionError:
        return None, f"nested deeper than {MAX_DEPTH} levels"
    fault = parser.fault_of(value, text)
    return (None, fault) if fault else (value, "")


def is_json_lines(path: Path) -> bool:
    """Tell whether a file holds one object per line rather than one document."""
    with path.open("rb") as file:
        window = _Window(file, path.name)
        if window.peek() != "{":
            return False
        try:
            window.value()
        except BadInput:
            return False
        return window.peek() == "{"


def find_arrays(path: Path, bom: int) -> list[Layout]:
    """Return a layout for the document's array of objects, or for each member that is one.

    Raises:
        BadInput: there is none, or the JSON before it is invalid.
    """
    with path.open("rb", buffering=BUFFER_BYTES) as file:
        window = _Window(file, path.name, bom)
        if window.peek() == "[":
            window.take("[")
            window.peek()
            return [Layout("json", window.offset, window.line)]
        if window.peek() != "{":
            raise BadInput(f"{path.name} holds no JSON array or object", "see `workbench dataset add --help`")
        window.take("{")
        layouts = [layout for layout in _members(window) if layout is not None]
    if not layouts:
        raise BadInput(f"{path.name} has no array of objects", 'write [{…}, …] or {"train": [{…}, …]}')
    return layouts


def _members(window: _Window) -> Iterator[Layout | None]:
    """Walk over an object's members, stepping through the arrays of objects one element at a time."""
    while window.peek() != "}":
        key = window.value()
        window.take(":")
        yield _array_of(window, key)
        if window.peek() == ",":
            window.take(",")
    window.take("}")


def _array_of(window: _Window, key: Any) -> Layout | None:
    if window.peek() != "[":
        window.value()
        return None
    window.take("[")
    if window.peek() != "{":
        _pass_over(window)
        return None
    layout = Layout("json", window.offset, window.line, key=str(key))
    _pass_over(window)
    return layout


def _pass_over(window: _Window) -> None:
    for _ in _elements(window):
        pass


def array_items(path: Path, layout: Layout, begin: int) -> Iterator[Item]:
    """Yield the objects of an array that is open at `begin`."""
    with path.open("rb", buffering=BUFFER_BYTES) as file:
        for offset, line, value, fault in _elements(_Window(file, path.name, begin, layout.line)):
            yield Item(offset, line, None if fault else value, fault)


def _elements(window: _Window) -> Iterator[tuple[int, int, Any, str]]:
    while window.peek() != "]":
        offset, line = window.offset, window.line
        value, fault = window.value_and_fault()
        yield offset, line, value, fault
        if window.peek() == ",":
            window.take(",")
            if window.peek() == "]":
                raise window.invalid("a comma before ']'")
        elif window.peek() != "]":
            raise window.invalid("expecting ',' or ']'")
    window.take("]")


class _Window:
    """A piece of a JSON document that moves forward: as much text as the value at hand needs."""

    def __init__(self, file: BinaryIO, name: str, offset: int = 0, line: int = 1) -> None:
        file.seek(offset)
        self._file = file
        self._name = name
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig" if offset == 0 else "utf-8")()
        self._parser = _Parser()
        self._text = ""
        self._position = 0
        self._ended = False
        self.offset = offset
        self.line = line

    def peek(self) -> str:
        """Pass over space and return the next character; empty at the end of the file."""
        while True:
            match = SPACE.match(self._text, self._position)
            self._advance(match.end() if match else self._position)
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._fill(BUFFER_BYTES):
                return ""

    def take(self, character: str) -> None:
        """Step over a character that must come next."""
        found = self.peek()
        if found != character:
            raise self.invalid(
                f"expecting {character!r}" + (f", not {found!r}" if found else " before the end")
            )
        self._advance(self._position + 1)

    def value(self) -> Any:
        """Return the next value, whatever it is."""
        return self.value_and_fault()[0]

    def value_and_fault(self) -> tuple[Any, str]:
        """Return the next value, and why it cannot be a row (empty when it can)."""
        self.peek()
        step = BUFFER_BYTES
        while True:
            try:
                value, end = self._parser.parse(self._text, self._position)
            except json.JSONDecodeError as error:
                if not self._could_go_on(error) or not self._fill(step):
                    raise self.invalid(error.msg, error.pos) from error
                step *= 2
            except RecursionError as error:
                raise self.invalid(f"nested deeper than {MAX_DEPTH} levels") from error
            else:
                break
        fault = self._parser.fault_of(value, self._text[self._position : end])
        self._advance(end)
        return value, fault

    def _could_go_on(self, error: json.JSONDecodeError) -> bool:
        """Tell an error that more text may heal from a final one: a bad file is not read to its end."""
        held = len(self._text) - self._position
        at_the_end = error.msg.startswith("Unterminated string") or error.pos > len(self._text) - 16
        return at_the_end and held < MAX_LINE_BYTES

    def _fill(self, size: int) -> bool:
        if self._ended:
            return False
        raw = self._file.read(size)
        self._ended = not raw
        try:
            more = self._utf8.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            raise self.invalid(not_utf8(error)) from error
        self._text = self._text[self._position :] + more
        self._position = 0
        return bool(more) or not self._ended

    def _advance(self, position: int) -> None:
        passed = self._text[self._position : position]
        self.offset += len(passed.encode("utf-8", "surrogatepass"))
        self.line += passed.count("\n")
        self._position = position

    def invalid(self, reason: str, position: int | None = None) -> BadInput:
        """Make the error for a document that is broken at a position of the window."""
        before = self._text[self._position : position] if position is not None else ""
        column = len(before) - before.rfind("\n") if "\n" in before else 0
        where = f"line {self.line + before.count(chr(10))}" + (f" column {column}" if column else "")
        return BadInput(f"{self._name} is not valid JSON, {where}: {reason}", "mend it, or save it as JSONL")
