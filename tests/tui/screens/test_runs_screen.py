"""Stories of the Runs screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from store import Store, Unavailable
from store.runs import Run
from workbench.runs import launch
from workbench.runs.options import RunOptions
from workbench.tui.screens import run_list
from workbench.tui.screens.run_losses import Losses, read_losses
from workbench.tui.widgets.line_chart import LineChart
from workbench.tui.widgets.live_table import LiveTable


def chart(pilot: Any, name: str) -> LineChart:
    return cast(LineChart, pilot.app.screen.query_one(name, LineChart))


async def test_an_empty_store_says_what_to_do_next(store: Store, opened: Any, look: Any) -> None:
    async with opened(store.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "Press n to start one")
        assert "workbench demo" in look(pilot)


async def test_a_short_list_leaves_its_room_to_the_curves(
    stocked: Store, opened: Any, look: Any, enter_run: Callable[..., str]
) -> None:
    enter_run(stocked, "run-0", outcome="running")
    async with opened(stocked.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "step 20 of 20")
        runs = pilot.app.screen.query_one("#runs")
        assert runs.size.height == 2  # the labels and the run
        before = chart(pilot, "#loss").size.height
        for number in range(1, 6):
            enter_run(stocked, f"run-{number}", outcome="queued")
        await look.wait(pilot, "run-2")  # the list keeps its cursor in sight
        await pilot.pause(0.5)
        assert runs.size.height == 4
        assert chart(pilot, "#loss").size.height == before - 2


async def test_the_running_run_is_shown_first_with_its_whole_history(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "572 MB")
        assert pilot.app.screen.selected.name == "second-try"
        assert chart(pilot, "#loss").series_names == ("loss", "validation")
        assert chart(pilot, "#memory-chart").series_names == ("process",)
        await look.wait(pilot, "step 26 of 40")
        await look.wait(pilot, "0 H200")


async def test_losses_that_could_not_be_read_once_are_read_later(
    worked: Store, opened: Any, look: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[Run]] = []

    def read(store: Store, runs: Sequence[Run]) -> Losses:
        asked.append(runs)
        if len(asked) == 1:
            raise Unavailable("the store is busy", "try again")
        return read_losses(store, runs)

    monkeypatch.setattr(run_list, "read_losses", read)
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "the store is busy")
        await until(pilot, lambda: len(asked) == 2)
        assert asked[1] == asked[0]


async def test_a_failed_run_shows_its_error_what_to_do_and_that_a_loss_was_no_number(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("j")
        await look.wait(pilot, "the loss is not a number at step 6")
        assert "lower learning_rate to 1e-4" in look(pilot)
        await look.wait(pilot, "NaN")


async def test_a_live_run_is_followed_point_by_point(
    stocked: Store, opened: Any, look: Any, fake_worker: Callable[..., Any]
) -> None:
    async with opened(stocked.root) as pilot:
        fake_worker(stocked.root, steps=30, pace=0.03, nan_at=12)
        await look.wait(pilot, "running")
        await look.wait(pilot, "completed", 20)
        await look.wait(pilot, "100%")
        series = chart(pilot, "#loss").points("loss")
        assert list(series.xs) == list(range(1, 31))
        assert [series.xs[gap] for gap in series.gaps] == [12]
        await look.wait(pilot, "step 30/30 loss")


async def test_what_happened_while_another_screen_was_shown_is_there_on_return(
    stocked: Store, opened: Any, look: Any, until: Any, fake_worker: Callable[..., Any]
) -> None:
    async with opened(stocked.root) as pilot:
        await pilot.press("2")
        process = fake_worker(stocked.root, steps=20, pace=0.01)
        process.wait(20)
        await pilot.press("1")
        await look.wait(pilot, "20/20")
        await look.wait(pilot, "completed")
        await until(pilot, lambda: "loss" in chart(pilot, "#loss").series_names)
        assert list(chart(pilot, "#loss").points("loss").xs) == list(range(1, 21))


async def test_a_run_is_cancelled_only_after_a_yes(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("k", "x")
        await look.wait(pilot, "Cancel r4 waiting?")
        await pilot.press("n")
        assert worked.runs.get("r4").status == "queued"
        await pilot.press("x")
        await look.wait(pilot, "Cancel r4 waiting?")
        await pilot.press("y")
        await look.wait(pilot, "cancelled")
        assert worked.runs.get("r4").status == "cancelled"


async def test_a_run_is_paused_let_go_on_and_retried_from_the_keyboard(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        launch.submit(stocked, RunOptions("tiny", "dialogues", "summarise"))
        await look.wait(pilot, "queued")
        await pilot.press("R")
        await look.wait(pilot, "this run is queued: it has not ended")
        await pilot.press("p")
        await look.wait(pilot, "paused before its first loss: p lets it go on")
        assert stocked.runs.get("r1").status == "paused"
        await pilot.press("p")
        await look.wait(pilot, "it starts in a moment")
        assert stocked.runs.get("r1").status == "queued"
        stocked.runs.request("r1", "cancel")
        await look.wait(pilot, "cancelled")
        await pilot.press("p")
        await look.wait(pilot, "cancelled: R starts it anew")
        await pilot.press("R")
        await look.wait(pilot, "r2")
        assert stocked.runs.get("r2").settings == stocked.runs.get("r1").settings


async def test_a_run_that_is_asked_to_pause_says_so(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("p")
        await look.wait(pilot, "asked to pause")
        assert worked.runs.requested("r3") == "pause"
        await pilot.press("p")
        await look.wait(pilot, "asked to pause already")


async def test_what_cannot_be_done_says_why(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("i")
        await look.wait(pilot, "r3 has no adapter yet")


async def test_enter_gives_the_chart_the_whole_screen_and_escape_gives_it_back(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert chart(pilot, "#loss").size.height > 30
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert chart(pilot, "#loss").size.height < 30


async def test_a_new_run_is_started_from_the_keyboard_alone(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "No runs yet")
        await pilot.press("n")
        await look.wait(pilot, "new run")
        await look.wait(pilot, "9 steps: 3 passes over 24 rows")
        await pilot.press("tab", "tab", "tab", "tab", "right")  # model, dataset, split, template, method
        await look.wait(pilot, "rslora")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "queued")
        run = stocked.runs.get("r1")
        assert (run.status, run.model, run.method) == ("queued", "tiny", "rslora")


async def test_the_cursor_goes_to_the_run_that_was_just_started(
    stocked: Store, opened: Any, look: Any
) -> None:
    earlier = [
        stocked.runs.create(
            name=name, model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
        ).id
        for name in ("one", "two")
    ]
    for run in earlier:
        stocked.runs.request(run, "cancel")
    async with opened(stocked.root, size=(80, 24)) as pilot:
        await look.wait(pilot, "two")
        table = pilot.app.screen.query_one("#runs", LiveTable)
        await pilot.press("j")
        assert table.cursor_key == "r1"
        await pilot.press("n")
        await look.wait(pilot, "9 steps")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "r3 ")
        end = time.monotonic() + 20
        while table.cursor_key != "r3":
            assert time.monotonic() < end
            await pilot.pause(0.05)


async def test_a_wrong_setting_is_refused_with_the_reason_before_anything_starts(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        await pilot.press("n")
        await look.wait(pilot, "9 steps")
        form = pilot.app.screen.query_one("Form")
        form.set_value("batch_size", 0)
        await look.wait(pilot, "batch_size = 0")
        await pilot.press("ctrl+s")
        await pilot.pause(0.3)
        assert stocked.runs.list() == []


async def test_a_template_that_does_not_fit_the_data_is_refused_in_the_form(
    stocked: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    file = tmp_path / "other.toml"
    variant = '[[variants]]\nname = "v"\nprompt = "{{ text }}"\ncompletion = "{{ label }}"\n'
    file.write_text('name = "a-other"\ntask = "t"\n' + variant)
    stocked.templates.add(file)
    async with opened(stocked.root) as pilot:
        await pilot.press("n")
        await look.wait(pilot, "9 steps")
        form = pilot.app.screen.query_one("Form")
        assert form.values()["template"] == "summarise"  # the one that fits is offered first
        form.set_value("template", "a-other")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "label")
        assert stocked.runs.list() == []
        assert "new run" in look(pilot)


async def test_another_dataset_is_chosen_while_a_setting_is_wrong(
    stocked: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    rows = tmp_path / "more.jsonl"
    rows.write_text('{"dialogue": "a", "summary": "b"}\n' * 8)
    stocked.datasets.add(rows, name="more", split="all")
    async with opened(stocked.root) as pilot:
        await pilot.press("n")
        await look.wait(pilot, "9 steps")
        form = pilot.app.screen.query_one("Form")
        form.set_value("batch_size", 0)
        await look.wait(pilot, "batch_size = 0")
        form.set_value("dataset", "more")
        await pilot.pause(0.3)
        form.set_value("batch_size", 4)
        await look.wait(pilot, "6 steps: 3 passes over 8 rows")
        assert form.values()["split"] == "all"


async def test_what_a_run_lacks_by_now_is_told_once(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root, size=(160, 48)) as pilot:
        await pilot.press("n")
        await look.wait(pilot, "9 steps")
        stocked.templates.remove("summarise")
        pilot.app.screen.query_one("Form").set_value("batch_size", 3)
        await look.wait(pilot, "no template")
        await pilot.pause(1.0)
        assert look(pilot).count("no template") == 1
        assert "reckoning memory" not in look(pilot)


async def test_a_store_with_nothing_to_train_says_where_to_get_it(
    store: Store, opened: Any, look: Any
) -> None:
    async with opened(store.root) as pilot:
        await pilot.press("n")
        await look.wait(pilot, "press 2, then a, to add a model")


async def test_a_hostile_error_and_log_reach_the_screen_only_as_text(
    stocked: Store, opened: Any, look: Any, enter_run: Callable[..., str]
) -> None:
    run_id = enter_run(stocked, "x", outcome="running")
    run = stocked.runs.get(run_id)
    stocked.runs.fail(run_id, "boom \x1b]52;c;AAAA\x07 [/nope] [@click=app.quit]x[/]", "hint \u202e [b]")
    stocked.runs.log_path(run).write_text("\x1b[2Jgone [bold]\x9b31m\n" * 3)
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "[@click=app.quit]x[/]")
        await look.wait(pilot, "gone [bold]")
        assert not set(look(pilot)) & {"\x1b", "\x07", "\x9b", "\u202e"}
