"""A run's losses in a few cells: they grow with the run, lose no spike and name a NaN."""

from __future__ import annotations

import math

from workbench.tui.glyphs import ASCII
from workbench.tui.present.sparks import WIDTH, Spark


def spark(points: list[tuple[float, float]], steps: int) -> Spark:
    made = Spark()
    made.add(points, steps)
    return made


def test_it_is_as_long_as_the_run_has_come() -> None:
    assert len(spark([(step, 1.0) for step in range(1, 51)], 100).draw().plain) == WIDTH // 2
    assert len(spark([(step, 1.0) for step in range(1, 101)], 100).draw().plain) == WIDTH
    assert spark([], 100).draw().plain == ""


def test_it_falls_with_the_loss() -> None:
    drawn = spark([(step, 100.0 - step) for step in range(1, 101)], 100).draw().plain
    assert drawn[0] == "█"
    assert drawn[-1] == "▁"
    assert list(drawn) == sorted(drawn, reverse=True)


def test_a_spike_and_a_nan_are_seen() -> None:
    points = [(float(step), 9.0 if step == 500 else 1.0) for step in range(1, 1001)]
    points[800] = (801.0, math.nan)
    drawn = spark(points, 1000).draw().plain
    assert drawn.count("█") == 1
    assert drawn.count("×") == 1


def test_a_run_that_went_back_has_what_came_later_taken_away() -> None:
    made = spark([(step, 1.0) for step in range(1, 101)], 100)
    made.add([(51, 2.0)], 100)
    assert len(made.draw().plain) == WIDTH // 2 + 1


def test_what_was_read_and_what_came_meanwhile_are_one() -> None:
    read, came = spark([(1, 4.0), (50, 2.0)], 100), spark([(51, 1.0), (100, math.nan)], 100)
    read.join(came)
    assert read.draw().plain == spark([(1, 4.0), (50, 2.0), (51, 1.0), (100, math.nan)], 100).draw().plain


def test_it_is_drawn_again_only_when_it_changed() -> None:
    made = spark([(1, 4.0), (99, 2.0)], 100)
    before = made.draw()
    assert made.draw() is before
    made.add([(100, 9.0)], 100)
    assert made.draw().plain != before.plain
    joined = made.draw().plain
    made.join(spark([(50, 9.0)], 100))
    assert made.draw().plain != joined
    assert made.draw(ASCII).plain.isascii()


def test_it_is_ascii_where_nothing_else_can_be_drawn() -> None:
    assert spark([(1, 2.0), (99, 1.0)], 100).draw(ASCII).plain.isascii()
