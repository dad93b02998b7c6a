"""Rows are scored by a process of their own where there are many."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import Store, Unavailable
from store.row_scores import Sort
from workbench.tui.screens import scoring


def test_a_process_scores_what_has_no_scores_yet(worked: Store) -> None:
    ids = tuple(each.id for each in worked.evaluations.list("g1"))
    opened = scoring.Opened("g1", ("base", "first-try"), ids)
    assert scoring.order(worked, opened, Sort(), "").unscored == 8
    scoring.score(worked, opened)
    found = scoring.order(worked, opened, Sort("rouge1", -1, 0, descending=True), "")
    assert (list(found.indexes), found.unscored) == ([3, 0, 2, 1], 0)


def test_an_order_comes_with_the_rows_around_the_one_that_is_looked_at(worked: Store) -> None:
    ids = tuple(each.id for each in worked.evaluations.list("g1"))
    opened = scoring.open_group(worked, "g1")
    found = scoring.order(worked, opened, Sort("rouge1", -1, 0, descending=True), "", row=2)
    assert (opened.ids, found.place, found.first, found.last) == (ids, 2, 0, 3)
    assert [row.index for row in found.rows] == list(found.indexes) == [3, 0, 2, 1]
    assert scoring.order(worked, opened, Sort(), "tickets", row=2).place == 0


def test_a_process_that_fails_is_told(store: Store, tmp_path: Path) -> None:
    store.root = tmp_path / "nothing"
    with pytest.raises(Unavailable, match="could not be scored"):
        scoring.score(store, scoring.Opened("g1", ("base",), ("e1",)))
