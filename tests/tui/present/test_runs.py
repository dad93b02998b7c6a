"""What is said about runs."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from store.metrics import Point
from store.runs import Run
from workbench.tui.glyphs import ASCII
from workbench.tui.present import runs

NOW = 1_000_000.0
Make = Callable[..., Run]


def plain(cell: object) -> str:
    return getattr(cell, "plain", str(cell))


def test_a_run_is_one_line_of_the_list(make_run: Make) -> None:
    cells = runs.cells(make_run(), 2.34567, None, NOW)
    assert [plain(cell) for cell in cells] == [
        "● running",
        "r1",
        "first",
        "lora",
        "tiny",
        "30/120",
        "",
        "2.346",
        "2m",
    ]


def test_a_status_is_a_glyph_and_a_word_in_ascii_too(make_run: Make) -> None:
    cells = runs.cells(make_run(status="failed"), None, None, NOW, ASCII)
    assert plain(cells[0]) == "x failed"


def test_a_loss_that_is_no_number_is_named_and_red() -> None:
    told = runs.value(math.nan)
    assert told.plain == "NaN"
    assert "$error" in str(told.spans)
    assert "$error" not in str(runs.value(2.0).spans)


def points(run: str, *steps_and_times: tuple[int, float]) -> list[Point]:
    return [Point(run, step, "loss", 1.0, time) for step, time in steps_and_times]


def test_the_time_left_follows_from_the_pace_of_the_newest_points(make_run: Make) -> None:
    recent = points("r1", (10, NOW - 20), (20, NOW - 10), (30, NOW))
    assert runs.seconds_left(make_run(), recent) == pytest.approx(90.0)


@pytest.mark.parametrize("recent", [[], points("r1", (30, NOW)), points("r2", (10, NOW - 5), (20, NOW))])
def test_without_a_pace_no_time_left_is_told(make_run: Make, recent: list[Point]) -> None:
    assert runs.seconds_left(make_run(), recent) is None


def test_an_ended_run_has_no_time_left(make_run: Make) -> None:
    recent = points("r1", (10, NOW - 20), (30, NOW))
    assert runs.seconds_left(make_run(status="completed"), recent) is None


def test_progress_tells_share_step_pace_time_taken_and_left(make_run: Make) -> None:
    for width, bar in ((200, 40), (96, 31), (80, 15), (60, 8)):  # its words come before the bar's length
        told = runs.progress(make_run(), {"tokens_per_second": 1234.0}, 90.0, NOW, width)
        words = "  25%  step 30/120 · 1.23k tokens/s · 2m 00s so far · 1m 30s left"
        assert told.plain == "━" * round(bar / 4) + "─" * (bar - round(bar / 4)) + words


def test_an_ended_run_tells_how_long_it_took(make_run: Make) -> None:
    told = runs.progress(make_run(status="completed", step=120, ended=NOW - 20), {}, None, NOW, 10)
    assert "100%  step 120/120 · took 1m 40s" in told.plain


def test_a_failed_run_tells_its_error_and_the_remedy(make_run: Make) -> None:
    failed = make_run(status="failed", error="out of [memory]", hint="halve batch_size")
    assert runs.trouble(failed, runs.MEND).plain == "out of [memory]\nhalve batch_size"


def test_an_error_without_a_hint_points_to_the_log(make_run: Make) -> None:
    assert "log" in runs.trouble(make_run(error="gone"), runs.MEND).plain


def test_the_newest_values_are_in_one_line() -> None:
    told = runs.newest({"loss": 2.5, "eval_loss": math.nan, "learning_rate": 1e-4, "memory_bytes": 5.0})
    assert told.plain == "loss 2.5   validation NaN   rate 1.00e-04"


def test_a_published_adapter_is_named(make_run: Make) -> None:
    assert "adapter first-2" in runs.headline(make_run(status="completed", adapter="first-2")).plain


def test_what_an_empty_chart_waits_for_is_said(make_run: Make) -> None:
    queued = make_run(id="r2", status="queued", created=NOW)
    ahead = [make_run(), make_run(id="r3", status="queued", created=NOW - 1), queued]
    assert runs.waiting(queued, ahead) == "queued behind 2 runs"
    assert "starts in a moment" in runs.waiting(queued, [queued])
    urgent = make_run(id="r4", status="queued", created=NOW + 1, priority=2)
    assert runs.waiting(urgent, [*ahead, urgent]) == "queued behind 1 run, priority 2"
    assert runs.waiting(queued, [*ahead, urgent]) == "queued behind 3 runs"
    hungry = make_run(status="queued", plan={"waits_for": "memory: it needs 9.0 GB, GPU 0 has 1.0 GB free"})
    assert "queued; it waits for memory: it needs 9.0 GB" in runs.waiting(hungry, [hungry])
    assert runs.waiting(make_run(status="starting", step=0), []) == "loading the model"
    assert runs.waiting(make_run(step=0), []) == "waiting for the first loss"
    assert "before its first loss" in runs.waiting(make_run(status="cancelled"), [])


def test_an_adapter_that_is_not_there_yet_cannot_be_used_and_why_is_said(make_run: Make) -> None:
    assert runs.why_not_use(make_run(adapter="a")) is None
    assert runs.why_not_use(make_run()) == "r1 has no adapter yet: it is running"
    assert runs.why_not_use(make_run(status="failed")) == "r1 made no adapter"
    assert runs.why_not_use(None) == "no run is selected"


def test_a_cancellation_says_what_is_lost(make_run: Make) -> None:
    assert "step 30 of 120" in runs.cancel_question(make_run())


def test_a_name_from_outside_is_cleaned(make_run: Make) -> None:
    told = runs.headline(make_run(name="x\x1b]52;c;AAAA\x07"))
    assert "\x1b" not in told.plain and "\x07" not in told.plain


def test_the_marked_runs_are_compared_and_fewer_than_two_completed_from_the_list(make_run: Make) -> None:
    """One mark is compared with whatever the cursor comes to; a run that a filter hides never joins in."""
    r1, r2, r3, r4 = (make_run(id=f"r{number}") for number in (1, 2, 3, 4))
    assert runs.drawn_together([], r1) == [r1]
    assert runs.drawn_together([r3], r1) == [r3, r1]
    assert runs.drawn_together([r3], r3) == [r3]
    assert runs.drawn_together([r3, r2], r1) == [r3, r2]
    assert runs.drawn_together([], None) == []
    assert runs.compared([], [r4, r2], r4) == [r4, r2]
    assert runs.compared([r4], [r4, r2], r4) == [r4, r2]
    assert runs.compared([r3], [r4, r2], r2) == [r3, r2]
    assert runs.compared([], [r4, r2], r2) == [r2]
    assert runs.compared([], [], None) == []
