"""Metric points: nothing lost behind a cursor, NaN kept, spikes never hidden."""

from __future__ import annotations

import math

import pytest

from store import NotFound, Store, open_store


@pytest.fixture
def run(store: Store) -> str:
    """A run to add metrics to."""
    return store.runs.create(
        name="run", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    ).id


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize("value", [0.0, -1.5, 1e-300, 1e300, math.nan, math.inf, -math.inf])
def test_every_value_comes_back(store: Store, run: str, value: float) -> None:
    store.metrics.append(run, [(3, "loss", value)])
    points, _ = store.metrics.after(0)
    assert (points[0].run, points[0].step, points[0].name) == (run, 3, "loss")
    assert same(points[0].value, value) and same(store.metrics.latest(run)["loss"], value)
    assert same(store.metrics.series(run, "loss")[0][1], value)
    assert same(store.metrics.series(run, "loss", width=4)[0][1], value)


def test_a_cursor_sees_every_point_once(store: Store, run: str) -> None:
    cursor, seen = 0, []
    with open_store(store.root) as other:
        for step in range(50):
            other.metrics.append(run, [(step, "loss", float(step)), (step, "learning_rate", 0.1)])
            points, cursor = store.metrics.after(cursor, limit=7)
            seen += points
    while points:
        points, cursor = store.metrics.after(cursor, limit=7)
        seen += points
    assert len(seen) == 100
    assert [point.step for point in seen if point.name == "loss"] == list(range(50))
    assert store.metrics.after(cursor) == ([], cursor)


def test_a_cursor_can_follow_one_run(store: Store, run: str) -> None:
    other = store.runs.create(
        name="o", model="m", dataset="d", template="t", method="l", settings={}, lineage={}
    )
    store.metrics.append(run, [(1, "loss", 1.0)])
    store.metrics.append(other.id, [(1, "loss", 2.0)])
    points, cursor = store.metrics.after(0, run=other.id)
    assert [point.value for point in points] == [2.0] and cursor == 2


def test_the_latest_values_are_those_of_the_highest_step(store: Store, run: str) -> None:
    store.metrics.append(run, [(1, "loss", 1.0), (2, "loss", 0.5), (2, "eval_loss", 0.7)])
    assert store.metrics.latest(run) == {"loss": 0.5, "eval_loss": 0.7}
    assert store.metrics.names(run) == ["loss", "eval_loss"]


def test_a_spike_and_a_nan_survive_decimation(store: Store, run: str) -> None:
    values = [1.0] * 10_000
    values[1234], values[5678], values[7777] = 99.0, -99.0, math.nan
    store.metrics.append(run, [(step, "loss", value) for step, value in enumerate(values)])
    drawn = store.metrics.series(run, "loss", width=80)
    assert len(drawn) <= 2 * 80 + 3
    assert (drawn[0][0], drawn[-1][0]) == (0, 9_999)
    assert (1234, 99.0) in drawn and (5678, -99.0) in drawn
    assert [step for step, value in drawn if math.isnan(value)] == [7777]
    assert [step for step, _ in drawn] == sorted(step for step, _ in drawn)


def test_few_points_are_not_decimated(store: Store, run: str) -> None:
    points = [(10 * step, "loss", float(step % 3)) for step in range(20)]
    store.metrics.append(run, points)
    expected = [(step, value) for step, _, value in points]
    assert store.metrics.series(run, "loss") == expected
    assert store.metrics.series(run, "loss", width=1000) == expected
    assert store.metrics.series(run, "none") == store.metrics.series(run, "none", width=10) == []


@pytest.mark.usefixtures("run")
def test_metrics_of_an_unknown_run_are_refused(store: Store) -> None:
    for unknown in ("r99", "run", "7", ""):
        with pytest.raises(NotFound):
            store.metrics.append(unknown, [(1, "loss", 1.0)])
    assert store.metrics.after(0) == ([], 0)


def test_a_part_of_a_curve_comes_with_its_times_and_in_full(store: Store, run: str) -> None:
    """What a chart zooms in on is read anew, finer than the whole was."""
    store.metrics.append(run, [(step, "loss", float(step % 7)) for step in range(1, 1001)])
    whole = store.metrics.curve(run, "loss", width=50)
    assert len(whole) <= 152
    part = store.metrics.curve(run, "loss", width=50, first=101, last=200)
    assert [step for step, _, _ in part] == list(range(101, 201))
    assert all(when > 0 for _, _, when in part)
    assert len(store.metrics.curve(run, "loss", width=50, first=101, last=700)) <= 152


def test_only_more_points_than_three_for_each_span_are_decimated(store: Store, run: str) -> None:
    store.metrics.append(run, [(step, "loss", float(step)) for step in range(1, 31)])
    assert len(store.metrics.series(run, "loss", width=10)) == 30
    store.metrics.append(run, [(31, "loss", 31.0)])
    assert len(store.metrics.series(run, "loss", width=10)) < 31


def test_what_an_attempt_measures_again_replaces_the_earlier_points_and_what_it_passes_over(
    store: Store,
) -> None:
    """Nothing goes before its step is told anew; with told_to, what nothing takes the place of goes too."""
    run = store.runs.create(
        name="x", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    store.metrics.append(run.id, [(step, "loss", float(step)) for step in range(1, 7)])
    store.metrics.append(run.id, [(4, "eval_loss", 40.0)])
    store.metrics.append(run.id, [(3, "loss", 30.0)], known_to=6)
    assert store.metrics.series(run.id, "loss") == [(1, 1), (2, 2), (3, 30), (4, 4), (5, 5), (6, 6)]
    store.metrics.append(run.id, [(4, "loss", 44.0)], known_to=6, told_to=3)
    assert store.metrics.series(run.id, "eval_loss") == [(4, 40.0)]  # it may yet be measured at this step
    store.metrics.append(run.id, [(6, "loss", 60.0)], known_to=6, told_to=4)
    assert store.metrics.series(run.id, "loss") == [(1, 1), (2, 2), (3, 30), (4, 44), (6, 60)]
    assert store.metrics.series(run.id, "eval_loss") == [(4, 40.0)]
    store.metrics.forget_after(run.id, 4)
    assert store.metrics.last_step(run.id) == 4
