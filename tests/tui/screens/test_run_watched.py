"""Stories of samples, probes and alerts on the Runs screen."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from store import Store
from store.samples import Answer
from workbench.tui.screens.run_watched import WatchedLines
from workbench.tui.screens.samples import SamplesView
from workbench.tui.widgets.token_view import TokenView

EVIL = "evil\x1b]0;title\x07\x9b31m\u202e[bold]end"


@pytest.fixture
def watched(worked: Store) -> Store:
    """The running run has samples of two steps, a probe, and an alert."""
    run = worked.runs.get("second-try")
    for step, said in ((10, "Ben brings"), (20, "Ben brings apples.")):
        answers = [
            Answer(f"Dialogue {at}: what is it? {EVIL if at else ''}", said, "Ben brings apples.", scores)
            for at, scores in enumerate(({"rougeL": step / 20}, {"rougeL": step / 20}))
        ]
        worked.samples.append(run.id, step, answers)
    lineage = {**run.lineage, "probes": [{"name": "other:u"}]}
    worked.db.table("runs").update(int(run.id[1:]), {"lineage": json.dumps(lineage)})
    points = [(0, "probe/other:u/loss", 2.0), (20, "probe/other:u/loss", 2.5)]
    points += [(0, "probe/other:u/rougeL", 0.5), (20, "probe/other:u/rougeL", 0.25)]
    worked.metrics.append(run.id, points)
    worked.alerts.append(run.id, 12, "plateau", "the loss has not fallen below 2 since step 3: stop the run")
    return worked


async def test_a_run_tells_its_trouble_what_it_forgot_and_its_samples(
    watched: Store, opened: Any, look: Any
) -> None:
    """Three lines where there is room; the header counts the alerts of runs at work."""
    async with opened(watched.root) as pilot:
        await look.wait(pilot, "! plateau at step 12")
        await look.wait(pilot, "forgetting other:u  loss 2 › 2.5 +0.5  ROUGE-L 0.5 › 0.25 -0.25")
        await look.wait(pilot, "samples ROUGE-L 1.000 at step 20")
        await look.wait(pilot, "! 1 alert")


async def test_the_charts_stay_where_they_are_while_the_next_run_is_read(
    stocked: Store, opened: Callable[..., Any], look: Any, enter_run: Callable[..., str]
) -> None:
    """And nothing is told of it that was told of the run before."""
    for name, score in (("one", 0.25), ("two", 0.5)):
        run = enter_run(stocked, name)
        stocked.samples.append(run, 20, [Answer("p", "x", "y", {"rougeL": score})])
    async with opened(stocked.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "samples ROUGE-L 0.500")
        chart = pilot.app.screen.query_one("#loss")
        before, read = chart.region, threading.Event()
        pilot.app.ask("store", lambda _: read.wait(20))
        await pilot.press("j")
        await pilot.pause(0.3)
        assert chart.region == before
        assert "samples" not in look(pilot).split("loss, validation")[0]
        read.set()
        await look.wait(pilot, "samples ROUGE-L 0.250")
        assert chart.region == before


async def test_a_low_window_keeps_its_charts(watched: Store, opened: Any, look: Any) -> None:
    """At 80x24 two lines, and a chart below them."""
    async with opened(watched.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "! plateau at step 12")
        lines = pilot.app.screen.query_one(WatchedLines)
        assert lines.size.height == 2 and "samples ROUGE-L" not in look(pilot)
        assert pilot.app.screen.query_one("#loss").size.height >= 4
        assert "forgetting other:u" in look(pilot)


async def test_a_run_that_is_well_takes_no_line(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "step 26 of 40")
        assert not pilot.app.screen.query_one(WatchedLines).display
        assert "! " not in look(pilot).splitlines()[0]
        await pilot.press("s")
        await look.wait(pilot, "has no samples yet")


async def test_an_alert_shows_within_a_second_wherever_one_is(watched: Store, opened: Any, look: Any) -> None:
    """A toast with what to do, the header's count, and the run's line on return."""
    async with opened(watched.root) as pilot:
        await look.wait(pilot, "! 1 alert")
        await pilot.press("2")
        await look.wait(pilot, "Models")
        run = watched.runs.get("second-try")
        watched.alerts.append(run.id, 13, "divergence", "the loss is 9: lower learning_rate")
        await look.wait(pilot, "the loss is 9: lower learning_rate", 5)
        await look.wait(pilot, "the loss diverges")
        await look.wait(pilot, "! 2 alerts")
        await pilot.press("1")
        await look.wait(pilot, "! divergence at step 13")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_samples_are_gone_through_by_step_and_prompt(
    watched: Store, opened: Any, look: Any, size: tuple[int, int]
) -> None:
    """The newest first; both texts in sight; hostile prompts are drawn as marks."""
    async with opened(watched.root, size=size) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("s")
        await look.wait(pilot, "step 20 (2 of 2)")
        await look.wait(pilot, "Dialogue 0: what is it?")
        await look.wait(pilot, "ROUGE-L 1.000")
        view = pilot.app.screen
        assert isinstance(view, SamplesView)
        await pilot.press("left_square_bracket")
        await look.wait(pilot, "step 10 (1 of 2)")
        await look.wait(pilot, "ROUGE-L 0.800")
        await pilot.press("left_square_bracket")
        assert view.shown is not None and view.shown.step == 10
        await pilot.press("n")
        await look.wait(pilot, "prompt 2 of 2")
        shown = look(pilot)
        assert "[bold]end" in shown and not set("\x1b\x07\x9b\u202e") & set(shown)
        answer, reference = view.query(TokenView)
        assert answer.size.height >= 2 and reference.size.height >= 2
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, SamplesView)


async def test_new_samples_show_as_they_come(watched: Store, opened: Callable[..., Any], look: Any) -> None:
    """The points of a validation bring the lines up to date."""
    async with opened(watched.root) as pilot:
        await look.wait(pilot, "samples ROUGE-L 1.000 at step 20")
        run = watched.runs.get("second-try")
        watched.samples.append(run.id, 25, [Answer("p", "x", "y", {"rougeL": 0.125})])
        watched.metrics.append(run.id, [(25, "sample_rougeL", 0.125), (25, "probe/other:u/loss", 1.5)])
        await look.wait(pilot, "samples ROUGE-L 0.125 at step 25")
        await look.wait(pilot, "loss 2 › 1.5 -0.5")
