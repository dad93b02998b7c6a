"""The table of differences: a group named once, values short and harmless, the lowest loss marked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from store.runs import Run
from workbench.runs.diff import Difference
from workbench.tui.present import diff


def test_a_group_is_named_once_and_the_lowest_loss_is_marked() -> None:
    found = [
        Difference("settings", "r", (8, 16)),
        Difference("settings", "packing", (True, None)),
        Difference("result", "loss", (1.5, 1.25)),
    ]
    rows = [cells for _, cells in diff.rows(found)]
    assert [cells[0].plain for cells in rows] == ["settings", "", "result"]
    assert [cell.plain for cell in rows[1][2:]] == ["yes", "–"]
    assert [bool(cell.spans) for cell in rows[2][2:]] == [False, True]
    assert not any(cell.spans for cell in rows[0][2:])


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        (None, "r", "–"),
        (False, "packing", "no"),
        (0.00002, "learning_rate", "2.00e-05"),
        (64, "r", "64"),
        (math.nan, "loss", "NaN"),
        (["q", "v"], "target_modules", "q, v"),
        ("sha256:" + "ab" * 32, "base.fingerprint", "ababababab"),
        ("x\x1b[2J", "source", "x␛[2J"),
    ],
)
def test_a_value_is_one_short_harmless_line(value: Any, name: str, expected: str) -> None:
    assert diff.text(value, name) == expected


def test_a_nan_is_never_the_lowest() -> None:
    [(_, cells)] = diff.rows([Difference("result", "loss", (math.nan, 2.0))])
    assert not any(cell.spans for cell in cells[2:])


def test_runs_that_are_alike_are_said_to_be(make_run: Callable[..., Run]) -> None:
    assert "the same" in diff.summary([])
    assert diff.heads([make_run(name="a[b]\x1b")]) == ["r1 a[b]␛"]
