"""The figures of a split, drawn large, drawn small, growing, and grown old."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.tui.glyphs import ASCII, UNICODE
from workbench.tui.present import figures


def spread(low: int, *counts: int) -> dict[str, Any]:
    """Lengths in bars of four tokens."""
    bars = [[low + (at + 1) * 4 - 1, count] for at, count in enumerate(counts)]
    high = bars[-1][0] if bars else 0
    return {"min": low, "median": low + 5, "p95": high - 2, "max": high, "mean": 9.5, "histogram": bars}


def problem(rows: list[int], *, count: int | None = None, fatal: bool = False) -> dict[str, Any]:
    return {
        "count": len(rows) if count is None else count,
        "first": rows[0],
        "rows": rows,
        "message": "m",
        "remedy": "r",
        "fatal": fatal,
    }


def document(**changed: Any) -> dict[str, Any]:
    """What a survey writes."""
    known: dict[str, Any] = {
        "done": 100,
        "total": 100,
        "finished": True,
        "rows": 97,
        "tokens": 5000,
        "trained_tokens": 1250,
        "prompt": spread(8, 10, 40, 30, 17),
        "completion": spread(2, 90, 7),
        "row": spread(10, 50, 47),
        "max_length": 20,
        "truncated_prompts": 12,
        "truncated_completions": 1,
        "duplicates": 4,
        "empty": 0,
        "overlap": {"test": 3},
        "padding_share": 0.25,
        "packing_efficiency": 0.931,
        "problems": {"prompt-cut": problem([3, 9, 40]), "nothing-trained": problem([7], fatal=True)},
    }
    return {**known, **changed}


def text(rows: Any) -> str:
    return "\n".join("".join(character for character, _ in row) for row in rows)


@pytest.mark.parametrize(("width", "height"), [(34, 7), (36, 30), (44, 44), (12, 5), (1, 1)])
@pytest.mark.parametrize("signs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_the_figures_fill_just_the_space_there_is(width: int, height: int, signs: Any) -> None:
    rows = figures.draw(document(), width, height, stale=False, signs=signs)
    assert len(rows) == height
    assert {len(row) for row in rows} == {width}


def test_the_large_form_tells_every_figure() -> None:
    told = text(figures.draw(document(), 40, 34, stale=False))
    for expected in (
        "100 rows, 5,000 tokens",
        "median 13  95% to 21",
        "cut at 20",
        "trained    1,250 tokens, 25%",
        "12 prompts, 1 completion",
        "duplicates 4 rows",
        "empty      none",
        "shared     3 rows with test",
        "25% of a batch of 8",
        "93% of each line of 20",
    ):
        assert expected in told


def test_the_small_form_tells_them_too() -> None:
    told = text(figures.draw(document(), 44, 7, stale=False))
    for expected in (
        "8-23",
        "trained 1.25k 25%",
        "padding 25%",
        "packed 93%",
        "cut 12+1",
        "twice 4",
        "shared 3",
    ):
        assert expected in told
    assert "3 prompt-cut" in told


def test_while_rows_go_by_a_bar_says_how_far_it_is() -> None:
    growing = document(done=40, finished=False)
    assert "40/100" in text(figures.draw(growing, 40, 30, stale=False))
    assert "no problems so far" in text(figures.draw({**growing, "problems": {}}, 44, 7, stale=False))


def test_nothing_at_all_is_drawn_without_a_fault() -> None:
    empty = document(done=0, finished=False, rows=0, tokens=0, trained_tokens=0, prompt=spread(0))
    for height in (7, 30):
        assert "0/100" in text(figures.draw(empty, 36, height, stale=False))


def test_stale_figures_are_dim_throughout() -> None:
    rows = figures.draw(document(), 40, 30, stale=True)
    assert {style for row in rows for _, style in row} == {figures.STALE}


def test_the_worst_problems_come_first() -> None:
    table = figures.problem_rows(document(), stale=False)
    assert [key for key, _ in table] == ["nothing-trained", "prompt-cut"]
    assert [getattr(cell, "plain", cell) for cell in table[1][1]] == ["prompt-cut", "3", "3"]


def test_the_next_row_with_a_problem_is_known_from_the_figures() -> None:
    found = document()
    assert figures.neighbour(found, 0, 1) == (3, True)
    assert figures.neighbour(found, 3, 1) == (7, True)
    assert figures.neighbour(found, 9, -1) == (7, True)
    assert figures.neighbour(found, 40, 1) == (None, True)
    assert figures.neighbour(found, 3, -1) == (None, True)


def test_beyond_what_has_been_counted_nothing_is_certain() -> None:
    growing = document(done=20, finished=False, problems={"prompt-cut": problem([3, 9])})
    assert figures.neighbour(growing, 3, 1) == (9, True)
    assert figures.neighbour(growing, 9, 1) == (None, False)
    assert figures.neighbour(growing, 60, -1) == (9, False)


def test_beyond_the_rows_that_are_remembered_nothing_is_certain() -> None:
    many = document(problems={"prompt-cut": problem([3, 9], count=50), "eos-missing": problem([60])})
    assert figures.neighbour(many, 3, 1) == (9, True)
    assert figures.neighbour(many, 9, 1) == (60, False)


def test_a_document_comes_through_json_unharmed() -> None:
    """It comes over a pipe."""
    again = json.loads(json.dumps(document()))
    assert figures.draw(again, 40, 30, stale=False) == figures.draw(document(), 40, 30, stale=False)
