"""A curve grows point by point, goes back with its run, and is smoothed without hiding anything."""

from __future__ import annotations

import math

import pytest

from workbench.tui.widgets import curve
from workbench.tui.widgets.curve import Average, Curve, Measured, thinned


def over_steps(step: float, _time: float) -> float:
    return step


def points(*steps: float) -> list[Measured]:
    return [(step, step * 10, 1000 + step) for step in steps]


def test_the_average_begins_at_the_first_value_and_follows_the_formula() -> None:
    """Kingma and Ba, Adam, section 3: the average of n values divided by 1 - weight ** n."""
    average = Average(0.9)
    values = [5.0, 1.0, 3.0]
    expected, total = [], 0.0
    for count, value in enumerate(values, start=1):
        total = 0.9 * total + 0.1 * value
        expected.append(total / (1 - 0.9**count))
    assert [average.add(value) for value in values] == pytest.approx(expected)
    assert expected[0] == pytest.approx(5.0)


def test_a_nan_passes_the_average_and_is_forgotten() -> None:
    average = Average(0.5)
    first = average.add(2.0)
    assert math.isnan(average.add(math.nan))
    assert average.add(2.0) == first


def test_a_run_that_goes_back_takes_its_later_points_with_it() -> None:
    made = Curve(points(1, 2, 3, 4))
    raw, _ = made.series("steps", over_steps, 0)
    assert list(raw.xs) == [1, 2, 3, 4]
    made.extend([(3, 99.0, 2000.0)])
    raw, smoothed = made.series("steps", over_steps, 0)
    assert list(raw.xs) == [1, 2, 3]
    assert list(raw.ys) == [10, 20, 99]
    assert smoothed is None


def test_what_is_added_later_is_drawn_as_if_it_had_been_there_at_once() -> None:
    whole, grown = Curve(points(*range(1, 101))), Curve()
    for step in range(1, 101):
        grown.extend(points(step))
        grown.series("smooth", over_steps, 0.9)
    both = [made.series("smooth", over_steps, 0.9)[1] for made in (whole, grown)]
    assert both[0] is not None
    assert both[1] is not None
    assert list(both[0].ys) == list(both[1].ys)


def test_only_new_points_are_worked_out() -> None:
    made = Curve(points(1, 2))
    first, _ = made.series("steps", over_steps, 0)
    made.extend(points(3))
    assert made.series("steps", over_steps, 0)[0] is first
    assert made.series("other", over_steps, 0)[0] is not first


def test_a_clock_that_is_set_back_draws_no_line_backwards() -> None:
    made = Curve([(1, 0.0, 100.0), (2, 0.0, 90.0), (3, 0.0, 110.0)])
    raw, _ = made.series("time", lambda _, time: time - 100, 0)
    assert list(raw.xs) == [0, 0, 10]


def test_a_point_without_a_place_is_left_out() -> None:
    made = Curve(points(1, 2, 3))
    raw, _ = made.series("tokens", lambda step, _: None if step == 2 else step, 0)
    assert list(raw.xs) == [1, 3]


def test_a_count_is_told_between_and_beyond_its_points() -> None:
    count = Curve([(10, 1000.0, 0.0), (20, 3000.0, 0.0)])
    assert [count.at(step) for step in (5, 10, 15, 20, 25)] == [500, 1000, 2000, 3000, 4000]
    assert Curve().at(5) is None


def test_finer_points_take_the_place_of_coarse_ones() -> None:
    made = Curve(points(1, 10, 20, 30))
    made.refine(points(10, 12, 14, 16, 18, 20))
    assert list(made.steps) == [1, 10, 12, 14, 16, 18, 20, 30]
    made.refine(points(1, 30))  # no finer than what is known
    assert len(made.steps) == 8


def test_thinning_keeps_every_spike_and_every_gap() -> None:
    many = [(float(step), 9.0 if step == 5_432 else 1.0, 0.0) for step in range(10_000)]
    many[7_000] = (7_000.0, math.nan, 0.0)
    kept = thinned(many, 100)
    assert len(kept) < 400
    assert (5_432.0, 9.0, 0.0) in kept
    assert sum(math.isnan(value) for _, value, _ in kept) == 1
    assert (kept[0][0], kept[-1][0]) == (0, 9_999)
    assert thinned([], 10) == []


def test_a_long_run_is_thinned_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "MOST_POINTS", 1_000)
    monkeypatch.setattr(curve, "THIN_SPANS", 100)
    made = Curve()
    for step in range(5_000):
        made.extend([(step, 5.0 if step == 1_234 else 0.0, 0.0)])
    assert len(made.steps) <= 1_000
    assert max(made.values) == 5.0
    assert made.steps[-1] == 4_999
