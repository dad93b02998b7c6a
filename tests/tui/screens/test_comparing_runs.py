"""Stories of comparing runs: any metrics of any runs in one chart, what differs, and a run like another."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from textual import events

from store import Store
from workbench.tui.present.metrics import Known
from workbench.tui.screens import overlay
from workbench.tui.screens.metric_chooser import MetricChooser
from workbench.tui.screens.run_view import RunView
from workbench.tui.widgets.line_chart import LineChart
from workbench.tui.widgets.live_table import LiveTable


def chart(pilot: Any) -> LineChart:
    return cast(LineChart, pilot.app.screen.query_one("#loss", LineChart))


async def test_marked_runs_are_drawn_together_and_without_marks_the_selected_one(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("space")
        await pilot.press("space")
        await look.wait(pilot, "r2 loss")
        names = set(chart(pilot).series_names)
        assert names == {"r3 loss", "r3 validation", "r2 loss", "r2 validation"}
        await pilot.press("M")
        await look.wait(pilot, "r1 loss")
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert set(chart(pilot).series_names) == {"loss", "validation"}


async def test_one_marked_run_is_drawn_with_whichever_the_cursor_comes_to(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("space")
        await look.wait(pilot, "r2 loss")
        assert {"r3 loss", "r2 loss"} <= set(chart(pilot).series_names)
        await pilot.press("j")
        await look.wait(pilot, "r1 loss")
        names = {name for name in chart(pilot).series_names if name.endswith(" loss")}
        assert names == {"r1 loss", "r3 loss"}
        await pilot.press("k", "k")
        await look.wait(pilot, "step 26 of 40")
        assert set(chart(pilot).series_names) == {"loss", "validation"}


async def test_only_a_low_window_gives_the_log_away_for_the_curves_of_several_runs(
    worked: Store, opened: Any, look: Any
) -> None:
    for size, shown in (((80, 24), False), ((120, 40), True), ((120, 50), True)):
        async with opened(worked.root, size=size) as pilot:
            await look.wait(pilot, "step 26 of 40")
            await pilot.press("M")
            await look.wait(pilot, "r2 loss")
            assert pilot.app.screen.query_one("#log").display is shown


async def test_the_list_marks_each_run_as_its_line_is_drawn_now(
    worked: Store, opened: Any, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("M")
        await look.wait(pilot, "r2 loss")
        table = pilot.app.screen.query_one("#runs", LiveTable)
        before = {run: sign for run, (sign, _) in table.mark_signs.items()}
        await pilot.press("m")
        await look.wait(pilot, "type a regular expression")
        await pilot.press(*"grad", "enter")
        await look.wait(pilot, "r2 too-fast")
        now = {run: sign for run, (sign, _) in table.mark_signs.items()}
        drawn = chart(pilot)
        samples = {
            line.name.split()[0]: drawn._look.sample(line, len(drawn._shown))[0] for line in drawn._shown
        }
        assert samples == {run: now[run] for run in samples}
        assert now != before


async def test_a_change_is_drawn_once(stocked: Store, opened: Any, look: Any, enter_run: Any) -> None:
    for name in ("one", "two"):
        enter_run(stocked, name, steps=30 if name == "one" else 20)
        stocked.runs.complete(stocked.runs.get(name).id, "a")
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "two")
        for key in ("j", "k"):  # both are read
            await pilot.press(key)
            await pilot.pause(0.5)
        draws: list[object] = []
        draw = chart(pilot).draw
        chart(pilot).draw = lambda *size: (draws.append(size), draw(*size))[1]  # type: ignore[method-assign]
        for key in ("j", "L", "plus"):
            draws.clear()
            await pilot.press(key)
            await pilot.pause(0.5)
            assert len(draws) == 1, key


async def test_runs_that_the_cursor_only_passed_by_are_not_read(
    stocked: Store, opened: Any, look: Any, enter_run: Any
) -> None:
    for number in range(8):
        enter_run(stocked, f"run-{number}", steps=5)
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "run-7")
        await look.wait(pilot, "loss 0.1991")
        go_on = threading.Event()
        for lane in (overlay.LANE, "store"):
            pilot.app.ask(lane, lambda _: go_on.wait(20))
        await pilot.press(*"jjjjjj")
        go_on.set()
        await look.wait(pilot, "step 5/5")
        await pilot.pause(0.3)
        view = pilot.app.screen.query_one(RunView)
        assert view.run.name == "run-1"
        assert {run for run, _ in view.overlay._curves} == {"r8", "r2"}
        assert not view.overlay._waiting
        await pilot.press("k")  # one that was passed by is read when it is come back to
        await pilot.pause(0.5)
        assert ("r3", "loss") in view.overlay._curves


async def test_a_drawn_metric_that_is_not_measured_yet_is_listed_and_no_choice_of_it(
    stocked: Store, opened: Any, look: Any, enter_run: Any
) -> None:
    enter_run(stocked, "fresh", steps=40, until=3, outcome="running")  # validates every 5 steps
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "step 3 of 40")
        await pilot.press("m")
        await look.wait(pilot, "not measured yet")
        await pilot.press(*"grad", "enter")
        await look.wait(pilot, "grad_norm 1.5")
        assert chart(pilot).series_names == ("grad_norm",)


async def test_a_space_that_comes_before_the_list_marks_in_it(host: Any) -> None:
    chooser = MetricChooser([Known("loss", {"r1": 1.0}), Known("rate", {"r1": 2.0})], ["loss"])
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        await chooser.take_key(events.Key("space", " "))
        app.push_screen(chooser)
        await pilot.pause()
        table = chooser.query_one(LiveTable)
        assert table.marked == frozenset()
        await chooser.take_key(events.Key("space", " "))
        assert table.marked == {"rate"}


async def test_a_half_typed_expression_says_what_is_wrong_and_leaves_what_the_last_good_one_found(
    worked: Store, opened: Any, look: Any
) -> None:
    """As everywhere where one is typed: the list does not run empty at an open bracket."""
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("m")
        await look.wait(pilot, "type a regular expression")
        await pilot.press(*"grad")
        table = pilot.app.screen.query_one(LiveTable)
        assert table.keys == ("grad_norm",)
        await pilot.press("(")
        await look.wait(pilot, "'grad(' is no regular expression")
        assert table.keys == ("grad_norm",)
        await pilot.press("backspace")
        await pilot.pause(0.2)
        assert "is no regular expression" not in look(pilot)
        await pilot.press("(", "enter")  # what was found is what is taken
        await look.wait(pilot, "grad_norm 1.5")
        assert chart(pilot).series_names == ("grad_norm",)


async def test_metrics_are_chosen_by_a_regular_expression(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("m")
        await look.wait(pilot, "type a regular expression")
        await pilot.press(*"^(grad|learn)")
        await pilot.pause(0.2)
        assert "memory_bytes" not in look(pilot)
        await pilot.press("space", "space", "enter")
        await look.wait(pilot, "each on its own scale")
        assert set(chart(pilot).series_names) == {"loss", "validation", "grad_norm", "learning_rate"}
        await pilot.press("m")
        await look.wait(pilot, "type a regular expression")
        await pilot.press(*"grad", "enter")
        await look.wait(pilot, "grad_norm 1.5")
        assert chart(pilot).series_names == ("grad_norm",)


async def test_smoothing_log_and_axis_are_keys_that_the_title_tells(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("plus", "plus", "L", "t", "t")
        await look.wait(pilot, "loss, validation · over time · smoothed 0.8 · log")
        assert chart(pilot).points("loss").xs[-1] > 1000  # the run of two days ago has points of today
        await pilot.press("minus", "minus", "L", "t")
        await pilot.pause(0.2)
        assert "smoothed" not in look(pilot)
        assert list(chart(pilot).points("loss").xs) == list(range(1, 27))


async def test_over_tokens_a_point_lies_where_the_count_says(stocked: Store, opened: Any, look: Any) -> None:
    run = stocked.runs.create(
        name="counted", model="tiny", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    stocked.runs.claim(run.id, "t")
    stocked.runs.begin(run.id, 100)
    for step in range(10, 101, 10):
        stocked.metrics.append(run.id, [(step, "loss", 1.0), (step, "tokens", step * 500.0)])
    stocked.metrics.append(run.id, [(55, "eval_loss", 2.0)])
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "counted")
        await pilot.press("t")
        await look.wait(pilot, "over tokens")
        await look.wait(pilot, "50k")
        assert list(chart(pilot).points("loss").xs) == [step * 500.0 for step in range(10, 101, 10)]
        assert list(chart(pilot).points("validation").xs) == [27_500]


async def test_a_run_without_token_counts_is_named(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("t")
        await look.wait(pilot, "r3 has no token counts")


async def test_a_run_that_goes_back_is_drawn_as_it_goes_on(
    stocked: Store, opened: Any, look: Any, enter_run: Any
) -> None:
    run = enter_run(stocked, "resumed", steps=40, until=30, outcome="running")
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "step 30 of 40")
        stocked.metrics.forget_after(run, 20)
        stocked.metrics.append(run, [(21, "loss", 9.0), (22, "loss", 8.0)], known_to=30)
        await look.wait(pilot, "loss 8")
        assert list(chart(pilot).points("loss").xs) == list(range(1, 23))
        assert list(chart(pilot).points("loss").ys)[-2:] == [9.0, 8.0]


async def test_a_long_run_is_read_in_full_where_it_is_zoomed_in_on(
    stocked: Store, opened: Any, look: Any, enter_run: Any
) -> None:
    run = enter_run(stocked, "long", steps=20_000, until=1, outcome="running")
    stocked.metrics.append(run, [(step, "loss", 1.0 + step % 13) for step in range(2, 20_001)])
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "long")
        await pilot.pause(1.0)
        coarse = len(chart(pilot).points("loss").xs)
        assert coarse < 10_000
        chart(pilot).focus()
        await pilot.press("home", *["up"] * 6)
        await pilot.pause(1.0)
        xs = list(chart(pilot).points("loss").xs)
        assert xs[:300] == list(range(1, 301))
        assert len(xs) > coarse


async def test_what_differs_is_shown_side_by_side(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("D")
        await look.wait(pilot, "what differs")
        for text in ("r3 second-try", "r2 too-fast", "max_steps", "eval_loss", "status"):
            assert text in look(pilot)
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert "what differs" not in look(pilot)


async def test_one_run_alone_differs_from_nothing(
    stocked: Store, opened: Any, look: Any, enter_run: Any
) -> None:
    enter_run(stocked, "alone", outcome="running")
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "alone")
        await pilot.press("D")
        await look.wait(pilot, "there is only one run")


async def test_the_list_is_filtered_by_a_regular_expression_and_marks_stay(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root, size=(120, 40)) as pilot:
        await look.wait(pilot, "step 26 of 40")
        await pilot.press("space")
        table = pilot.app.screen.query_one("#runs")
        await pilot.press("slash", *"^first|wait")
        await pilot.pause(0.3)
        assert table.keys == ("r4", "r1")
        assert table.marked == {"r3"}
        await pilot.press("(")  # no pattern yet
        await pilot.pause(0.2)
        assert table.keys == ("r4", "r1")
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert table.keys == ("r4", "r3", "r2", "r1")


async def test_the_form_is_filled_with_what_a_run_was_made_of(stocked: Store, opened: Any, look: Any) -> None:
    lineage = {"dataset": {"name": "dialogues", "split": "test"}}
    settings = {"r": 5, "learning_rate": 3e-4, "batch_size": 2, "target_modules": ["q", "v"], "gone": 1}
    stocked.runs.create(
        name="other",
        model="tiny",
        dataset="dialogues",
        template="summarise",
        method="dora",
        settings=settings,
        lineage=lineage,
    )
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "other")
        await pilot.press("f")
        await look.wait(pilot, "new run")
        await pilot.pause(0.5)
        values = pilot.app.screen.query_one("Form").values()
        expected = {"model": "tiny", "dataset": "dialogues", "split": "test", "method": "dora", "r": 5}
        assert expected.items() <= values.items()
        assert values["target_modules"] == ("q", "v")
        assert (values["learning_rate"], values["batch_size"], values["name"]) == (3e-4, 2, None)


async def test_a_run_whose_data_is_gone_fills_the_form_with_the_rest(
    stocked: Store, opened: Any, look: Any
) -> None:
    stocked.runs.create(
        name="old",
        model="no-model",
        dataset="no-data",
        template="summarise",
        method="dora",
        settings={"r": 5},
        lineage={"dataset": {"name": "no-data", "split": "test"}},
    )
    async with opened(stocked.root) as pilot:
        await look.wait(pilot, "old")
        await pilot.press("f")
        await look.wait(pilot, "new run")
        await look.wait(pilot, "model no-model, dataset no-data")
        await look.wait(pilot, "steps:")
        values = pilot.app.screen.query_one("Form").values()
        expected = {"model": "tiny", "dataset": "dialogues", "split": "test", "method": "dora", "r": 5}
        assert expected.items() <= values.items()
