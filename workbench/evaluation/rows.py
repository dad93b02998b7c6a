"""Rows of a prediction with its references: read from JSON lines and checked, faults told by number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from store.errors import BadInput

FAULTS_SHOWN = 3
SHAPE = '{"prediction": text, "reference": text} or {"prediction": text, "references": [text, ...]}'


@dataclass(frozen=True, slots=True)
class Row:
    """What a model wrote, and one or more texts that would have been right.

    Where it is known: the `source` it worked on, whether the output was `truncated` at the limit of tokens,
    and the `log_likelihood` in nats that the model gave the reference's `tokens`.
    """

    prediction: str
    references: tuple[str, ...]
    source: str = ""
    truncated: bool | None = None
    log_likelihood: float | None = None
    tokens: int | None = None


def read_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Read rows for `score_rows` from JSON lines, one by one; blank lines are passed over.

    Raises:
        BadInput: A line is not JSON or has not the shape of a row; such lines are told by number from 1, when
            all were read.
    """
    faults = _Faults("line")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            faults.add(number, f"is not JSON ({error})")
            continue
        except RecursionError:
            faults.add(number, "is nested too deeply")
            continue
        fault = _fault(row)
        if fault:
            faults.add(number, fault)
        elif not faults.count:
            yield row
    faults.refuse()


def checked(rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield rows one by one; after the first fault the rest is only looked through for more.

    Raises:
        BadInput: A row has not the shape (such rows are told by number from 1), or there is none.
    """
    faults = _Faults("row")
    number = 0
    for number, row in enumerate(rows, start=1):
        fault = _fault(row)
        if fault:
            faults.add(number, fault)
        elif not faults.count:
            yield _row(row)
    faults.refuse()
    if not number:
        raise BadInput("there are no rows to score", f"give rows like {SHAPE}")


def _row(row: Mapping[str, Any]) -> Row:
    source, likelihood, tokens = row.get("source"), row.get("log_likelihood"), row.get("tokens")
    return Row(
        row["prediction"],
        _references(row),
        source if isinstance(source, str) else "",
        _truncated(row),
        float(likelihood) if isinstance(likelihood, int | float) else None,
        tokens if isinstance(tokens, int) else None,
    )


def _truncated(row: Mapping[str, Any]) -> bool | None:
    """By its own name, or as OpenAI's interface says it."""
    if isinstance(row.get("truncated"), bool):
        return bool(row["truncated"])
    reason = row.get("finish_reason")
    return reason == "length" if isinstance(reason, str) else None


def _references(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row["references"]) if "references" in row else (row["reference"],)


def _fault(row: object) -> str:
    """What is wrong with the shape of one row; empty when nothing is."""
    if not isinstance(row, Mapping):
        return f"is {_kind(row)}, not an object"
    if "prediction" not in row:
        return f"has no 'prediction' (its keys: {', '.join(map(str, row)) or 'none'})"
    if not isinstance(row["prediction"], str):
        return f"has {_kind(row['prediction'])} as 'prediction', not a text"
    if "reference" in row and "references" in row:
        return "has both 'reference' and 'references'"
    if "references" in row:
        return _fault_of_references(row["references"])
    if "reference" not in row:
        return f"has no 'reference' (its keys: {', '.join(map(str, row))})"
    if not isinstance(row["reference"], str):
        return f"has {_kind(row['reference'])} as 'reference', not a text"
    return ""


def _fault_of_references(references: object) -> str:
    if not isinstance(references, list | tuple):
        return f"has {_kind(references)} as 'references', not a list of texts"
    if not references:
        return "has an empty list of 'references'"
    wrong = [one for one in references if not isinstance(one, str)]
    return f"has {_kind(wrong[0])} among its 'references', not a text" if wrong else ""


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "a text"}
    names |= {list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


class _Faults:
    """Counts what is wrong with rows, and keeps the first ones to tell."""

    def __init__(self, noun: str) -> None:
        self.count = 0
        self._noun = noun
        self._first: list[str] = []

    def add(self, number: int, fault: str) -> None:
        self.count += 1
        if len(self._first) < FAULTS_SHOWN:
            self._first.append(f"{self._noun} {number} {fault}")

    def refuse(self) -> None:
        if self.count:
            more = self.count - len(self._first)
            told = "; ".join(self._first) + (f"; and {more} more" if more else "")
            raise BadInput(told, f"write each row as {SHAPE}")
