"""A run that is over is gone through again at any speed."""

from __future__ import annotations

from workbench.tui.present.replay import begin
from workbench.tui.widgets.plot import Series


def series(*steps: float) -> Series:
    made = Series()
    made.extend((step, 1.0) for step in steps)
    return made


def test_it_begins_with_the_first_point_and_ends_with_the_last() -> None:
    replay = begin([series(10, 400), series(), series(20, 410)])
    assert replay is not None
    assert (replay.at, replay.high, replay.over) == (10, 410, False)
    assert replay.on(20).over
    assert replay.on(10).at == 210


def test_it_goes_as_fast_as_one_wants() -> None:
    replay = begin([series(0, 400)])
    assert replay is not None
    assert replay.speed == 20
    assert replay.faster(3).on(1).at == 160
    assert replay.faster(-2).on(1).at == 5
    assert (
        replay.told("")
        == "replay at 0, 20 steps a second: {key:runs.replay_slower} slower, {key:runs.replay_faster} faster"
    )


def test_nothing_is_replayed_where_nothing_is_drawn() -> None:
    assert begin([series()]) is None
