"""The chart's arithmetic loses no spike, hides no gap, and stands still while a series grows."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from workbench.tui.widgets import plot
from workbench.tui.widgets.plot import Series, View


def series(points: list[tuple[float, float]]) -> Series:
    made = Series()
    made.extend(points)
    return made


def test_a_single_spike_among_100_000_points_is_kept() -> None:
    made = series([(x, 9.0 if x == 54_321 else 1.0) for x in range(100_000)])
    kept, _ = plot.bins(made, View(0, 100_000, 0, 10), 80)
    assert max(bin.high for bin in kept) == 9.0
    assert len(kept) == 80


def test_every_point_lies_in_exactly_one_bin() -> None:
    made = series([(x, float(x)) for x in range(1000)])
    kept, _ = plot.bins(made, View(0, 1000, 0, 1000), 37)
    assert [bin.low for bin in kept] == [0.0, *(bin.high + 1 for bin in kept[:-1])]
    assert kept[-1].high == 999.0


def test_a_gap_is_marked_and_not_bridged() -> None:
    made = series([(0, 1.0), (1, math.nan), (2, 1.0), (3, 1.0)])
    kept, gaps = plot.bins(made, View(0, 4, 0, 2), 4)
    assert [(bin.column, bin.joined) for bin in kept] == [(0, False), (2, False), (3, True)]
    assert gaps == [1]


def test_a_gap_inside_a_bin_breaks_the_line_on_its_own_side_only() -> None:
    made = series([(0, 1.0), (1, 1.0), (2, math.inf), (3, 1.0), (4, 1.0), (5, 1.0)])
    kept, gaps = plot.bins(made, View(0, 6, 0, 2), 3)
    assert [bin.joined for bin in kept] == [False, False, True]
    assert gaps == [1]


def test_going_back_cuts_what_stood_from_there_on() -> None:
    made = series([(1, 5.0), (2, 6.0), (3, math.nan), (4, 9.0)])
    made.extend([(3, 7.0)])
    assert list(made.xs) == [1, 2, 3]
    assert list(made.ys) == [5.0, 6.0, 7.0]
    assert made.gaps == []
    assert made.range == (5.0, 7.0)


def test_the_same_batch_twice_is_the_same_as_once() -> None:
    batch = [(1.0, 5.0), (2.0, 6.0), (3.0, 7.0)]
    made = series(batch)
    made.extend(batch)
    assert list(zip(made.xs, made.ys, strict=True)) == batch


def test_strokes_leave_no_hole_between_neighbours() -> None:
    made = series([(0, 0.0), (1, 10.0), (2, 0.0), (7, 10.0)])
    view = View(0, 8, 0, 10)
    kept, _ = plot.bins(made, view, 16)
    covered: dict[int, set[int]] = {}
    for column, top, bottom in plot.dots(kept, view, 40):
        covered.setdefault(column, set()).update(range(top, bottom + 1))
    columns = sorted(covered)
    assert columns == list(range(columns[0], columns[-1] + 1))
    for left, right in pairwise(columns):
        assert max(min(covered[left]), min(covered[right])) - 1 <= min(
            max(covered[left]), max(covered[right])
        )


@pytest.mark.parametrize(("low", "high"), [(0.31, 3.9), (0.0, 1e-6), (-5.0, 12.0), (1e9, 3e9), (2.0, 2.0)])
def test_a_range_ends_on_ticks_and_holds_the_values(low: float, high: float) -> None:
    start, end = plot.nice_range(low, high, 4)
    values = plot.ticks(start, end, 4)
    assert start <= low <= high <= end
    assert values[0] == pytest.approx(start)
    assert values[-1] == pytest.approx(end)
    assert len(set(plot.tick_labels(values))) == len(values)


def test_labels_tell_quarter_steps_apart() -> None:
    assert plot.tick_labels([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert plot.tick_labels([0.0, 2.5, 5.0]) == ["0.0", "2.5", "5.0"]
    assert plot.tick_labels([0.0, 200.0, 400.0]) == ["0", "200", "400"]


def test_an_axis_end_changes_seldom_while_a_series_grows() -> None:
    ends = {plot.axis_end(last) for last in range(1, 10_001)}
    assert all(plot.axis_end(last) >= last for last in range(1, 10_001))
    assert len(ends) <= 40


def test_log_ticks_are_powers_of_ten() -> None:
    assert plot.log_ticks(0.01, 100.0) == pytest.approx([0.01, 0.1, 1.0, 10.0, 100.0])


def test_a_part_of_a_series_is_led_to_its_edges() -> None:
    made = series([(0, 0.0), (10, 10.0), (20, 20.0), (30, 30.0)])
    part = made.within(5, 25)
    assert list(part.xs) == [5, 10, 20, 25]
    assert list(part.ys) == [5, 10, 20, 25]
    assert list(made.within(12, 13).xs) == [12, 13]  # between two points there is a line too
    assert made.within(-5, 40) is made
    assert (part.range, made.within(12, 13).range) == ((5, 25), (12, 13))
    assert made.within(40, 50).range is None


def test_a_gap_at_an_edge_stays_a_gap() -> None:
    part = series([(0, 1.0), (10, math.nan), (20, 1.0), (30, 1.0)]).within(5, 25)
    assert list(part.xs) == [10, 20, 25]
    assert part.gaps == [0]
    later = series([(0, 1.0), (10, 3.0), (20, math.nan), (30, 1.0)]).within(5, 40)
    assert (list(later.xs), later.gaps, later.range) == ([5, 10, 20, 30], [2], (1.0, 3.0))


@pytest.mark.parametrize(("x", "nearest"), [(-5, 0), (4, 0), (6, 10), (10, 10), (99, 20)])
def test_the_nearest_point_is_found(x: float, nearest: float) -> None:
    made = series([(0, 0.0), (10, 1.0), (20, 2.0)])
    index = made.nearest(x)
    assert index is not None
    assert made.xs[index] == nearest
    assert series([]).nearest(1) is None
