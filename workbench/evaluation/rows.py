"""Rows of a prediction with its references: read from JSON lines and checked, faults told by number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.errors import BadInput

FAULTS_SHOWN = 3
SHAPE = '{"prediction": text, "reference": text} or {"prediction": text, "references": [text, ...]}'


@dataclass(frozen=True, slots=True)
class Row:
    """What a model wrote, and one or more texts that would have been right."""

    prediction: str
    references: tuple[str, ...]


def read_lines(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Read rows for `score_rows` from JSON lines; blank lines are passed over.

    Raises:
        BadInput: A line is not JSON or has not the shape of a row; all such lines are told by number from 1.
    """
    found, faults = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            faults.append(f"line {number} is not JSON ({error})")
            continue
        except RecursionError:
            faults.append(f"line {number} is nested too deeply")
            continue
        fault = _fault(row)
        if fault:
            faults.append(f"line {number} {fault}")
        else:
            found.append(row)
    _refuse(faults)
    return found


def checked(rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield rows one by one; after the first fault the rest is only looked through for more.

    Raises:
        BadInput: A row has not the shape (all such rows are told by number from 1), or there is none.
    """
    faults: list[str] = []
    number = 0
    for number, row in enumerate(rows, start=1):
        fault = _fault(row)
        if fault:
            faults.append(f"row {number} {fault}")
        elif not faults:
            yield Row(row["prediction"], _references(row))
    _refuse(faults)
    if not number:
        raise BadInput("there are no rows to score", f"give rows like {SHAPE}")


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


def _refuse(faults: Sequence[str]) -> None:
    if not faults:
        return
    more = f"; and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
    raise BadInput("; ".join(faults[:FAULTS_SHOWN]) + more, f"write each row as {SHAPE}")
