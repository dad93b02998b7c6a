"""The app answers keys, tells errors in one toast, works off the loop, and keeps secrets off the screen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual import events
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Input, Static

from store import Store
from store.errors import NotFound, Unavailable
from workbench.processes import HeldLock
from workbench.runs import queue
from workbench.tui.actions import MODES
from workbench.tui.app import WorkbenchApp
from workbench.tui.command_line import CommandLine
from workbench.tui.overlays import FilterLine, HelpOverlay
from workbench.tui.widgets.chrome import Footer, Header
from workbench.tui.widgets.live_table import LiveTable
from workbench.tui.widgets.modal import Notice

SIZE = (100, 30)


def add_run(store: Store, name: str) -> str:
    run = store.runs.create(
        name=name, model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    store.runs.request(run.id, "cancel")
    return run.id


async def until(pilot: Pilot[Any], true: Callable[[], bool], what: str = "it") -> None:
    for _ in range(800):
        await pilot.pause()
        if true():
            return
        await asyncio.sleep(0.03)
    raise AssertionError(f"{what} does not happen")


def toasts(app: WorkbenchApp) -> list[str]:
    return [f"{toast.title}|{toast.message}" for toast in app._notifications]


def drawn(app: WorkbenchApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def test_work_is_done_off_the_loop_and_its_value_comes_back(store: Store) -> None:
    app = WorkbenchApp(store.root)
    got: list[Any] = []
    async with app.run_test(size=SIZE) as pilot:
        app.ask("store", lambda opened: opened.root, got.append)
        await until(pilot, lambda: bool(got))
        assert got == [store.root]


async def test_an_error_of_the_users_kind_is_a_toast_with_the_remedy(store: Store) -> None:
    app = WorkbenchApp(store.root)

    def fail(_: Store) -> None:
        raise NotFound("no run \x1b]52;c;AA\x07 [bold]", "see `workbench run list`")

    async with app.run_test(size=SIZE, notifications=True) as pilot:
        app.ask("store", fail)
        await until(pilot, lambda: "see `workbench run list`" in drawn(app), "the toast")
        assert "no run ␛]52;c;AA␇ [bold]" in drawn(app)


async def test_a_screen_can_take_the_error_itself(store: Store) -> None:
    app = WorkbenchApp(store.root)
    errors: list[Any] = []
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        app.ask("store", lambda opened: opened.runs.get("r99"), None, errors.append)
        await until(pilot, lambda: bool(errors))
        assert isinstance(errors[0], NotFound)
        assert toasts(app) == []


async def test_a_defect_is_logged_without_values_and_the_app_goes_on(store: Store) -> None:
    app = WorkbenchApp(store.root)

    def fail(_: Store) -> None:
        token = "hf_" + "secret"
        raise ValueError(len(token))

    async with app.run_test(size=SIZE, notifications=True) as pilot:
        app.ask("store", fail)
        await until(pilot, lambda: bool(toasts(app)))
        assert "tui.log" in toasts(app)[0]
        log = (store.root / "tui.log").read_text()
        assert "ValueError: 9" in log
        assert "hf_secret" not in log


def test_a_crash_prints_no_values_and_says_where_the_details_are(
    terminal: Callable[..., Any], store: Store
) -> None:
    program = """
import sys
from pathlib import Path
from workbench.tui.start import prepare_environment
prepare_environment()
from workbench.tui.app import WorkbenchApp
from workbench.tui.command_line import CommandLine

class Crashing(WorkbenchApp):
    def on_key(self):
        token = "hf_" + "secret"
        raise RuntimeError("broken")

app = Crashing(Path(sys.argv[1]))
app.run()
sys.exit(app.return_code)
"""
    opened = terminal(store.root, program=program, size=SIZE)
    opened.wait_for("1 Runs")
    opened.press("j")
    assert opened.ends_within(5) == 1
    assert b"hf_secret" not in opened.output
    assert b"Traceback" not in opened.output
    assert b"tui.log" in opened.output
    assert "RuntimeError: broken" in (store.root / "tui.log").read_text()


async def test_the_digits_go_to_the_eight_screens_and_the_header_says_which(store: Store) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        for number, mode in reversed(list(enumerate(MODES, start=1))):
            await pilot.press(str(number))
            await until(pilot, lambda mode=mode: app.current_mode == mode)
            assert app.screen.query_one(Header).mode == mode


async def test_what_cannot_be_done_is_dim_and_says_why(store: Store) -> None:
    add_run(store, "over")
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: "cancelled" in drawn(app))
        await pilot.press("x")
        await until(pilot, lambda: bool(toasts(app)))
        assert "this run is cancelled" in toasts(app)[0]
        row = app.screen.query_one(Footer).draw(100, 1)[0]
        text = "".join(cell for cell, _ in row)
        assert row[text.index("x cancel")][1] == "$faint"
        assert row[text.index("n new run")][1] != "$faint"


async def test_help_lists_what_has_focus_the_screen_and_the_app(store: Store) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=(100, 110)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpOverlay))
        await until(pilot, lambda: "Leave the workbench" in drawn(app))
        for words in (
            "Start a training run",
            "Next row",
            "Begin a number",
            "Go to Compare",
            "no run is selected",
            "Put a letter on each pane",
            "Let a letter mark",
        ):
            assert words in drawn(app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, HelpOverlay))


async def test_help_is_set_in_columns_and_no_line_leaves_its_own(store: Store) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=(160, 60)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "Draw in the theme: terminal" in drawn(app))
        left, right = app.screen.query(Static)
        assert left.region.y == right.region.y
        lines = [str(text.content).splitlines() for text in (left, right)]
        assert max(map(len, lines[0])) < left.region.width
        assert max(map(len, lines[1])) < right.region.width
        assert ":theme_high_contrast" in lines[1]  # longer than the column of keys


async def test_help_is_set_anew_when_the_window_changes(store: Store) -> None:
    """From two columns to one and back, each text as wide as its column."""
    app = WorkbenchApp(store.root)
    async with app.run_test(size=(170, 60)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "Draw in the theme: terminal" in drawn(app))
        left, right = app.screen.query(Static)
        wide = (str(left.content), str(right.content))
        for width in (80, 60):
            await pilot.resize_terminal(width, 60)
            await until(pilot, lambda: not right.display)
            longest = max(map(len, str(left.content).splitlines()))
            await until(pilot, lambda: left.region.width >= longest)  # noqa: B023 (awaited at once)
            assert app.screen.query_one("#help").region.right <= width
        assert "Draw in the theme: terminal" in str(left.content).replace("\n", " ")
        await pilot.resize_terminal(170, 60)
        await until(pilot, lambda: right.display)
        assert (str(left.content), str(right.content)) == wide


async def test_help_is_read_with_the_keys_of_lists(store: Store) -> None:
    """Lines, halves of a page, both ends."""
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpOverlay) and app.screen.is_active)
        text = app.screen.query_one(VerticalScroll)
        await until(pilot, lambda: text.max_scroll_y > text.size.height)
        half = text.size.height // 2
        for key, at in (
            ("j", 1),
            ("down", 2),
            ("k", 1),
            ("up", 0),
            ("ctrl+d", half),
            ("ctrl+u", 0),
            ("G", text.max_scroll_y),
            ("g", 0),
        ):
            await pilot.press(key)
            await until(pilot, lambda: text.scroll_offset.y == at)  # noqa: B023 (awaited at once)


async def test_the_command_line_completes_and_performs(store: Store) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, CommandLine))
        await pilot.press(*"adap", "tab")
        assert app.screen.query_one(Input).value == "adapters "
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "adapters")


async def test_the_filter_narrows_while_typing_and_escape_shows_all(store: Store) -> None:
    for name in ("alpha", "beta", "alphabet"):
        add_run(store, name)
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        table = app.screen.query_one(LiveTable)
        await until(pilot, lambda: table.row_count == 3)
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.screen, FilterLine))
        await pilot.press(*"alpha")
        await until(pilot, lambda: table.row_count == 2)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, FilterLine))
        assert table.row_count == 2
        await pilot.press("escape")
        await until(pilot, lambda: table.row_count == 3)


async def test_a_click_on_the_footer_does_what_it_says(store: Store) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        row = app.screen.query_one(Footer).draw(100, 1)[0]
        at = "".join(cell for cell, _ in row).index("help")
        await pilot.click(Footer, offset=(at, 0))
        await until(pilot, lambda: isinstance(app.screen, HelpOverlay))


async def test_keys_that_come_in_a_burst_go_where_slow_ones_go(store: Store) -> None:
    """Into the line that the first of them opens, though the list has keys of the same names."""
    add_run(store, "run-05")
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "run-05" in drawn(app))
        for key, character in (("slash", "/"), *((each, each) for each in "05j3")):
            app.post_message(events.Key(key, character))
        await until(pilot, lambda: isinstance(app.screen, FilterLine))
        line = app.screen.query_one(Input)
        await until(pilot, lambda: line.value == "05j3")


async def test_keys_behind_a_digit_are_for_the_list_that_is_still_read(stock: Store) -> None:
    app = WorkbenchApp(stock.root)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        for key in "2j":
            app.post_message(events.Key(key, key))
        await until(pilot, lambda: [each.cursor_key for each in app.screen.query(LiveTable)] == ["seq2seq"])


async def test_an_answer_that_comes_while_the_screens_are_taken_down_is_dropped(store: Store) -> None:
    asked, told = threading.Event(), []
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.ask("store", lambda _: asked.wait(5), told.append)
        close_all = app._close_all

        async def slowly() -> None:
            asked.set()
            await asyncio.sleep(0.3)  # the answer comes, and the app still takes messages
            await close_all()

        app._close_all = slowly  # type: ignore[method-assign]
    assert told == []


async def test_an_answer_that_comes_after_its_dialog_was_closed_is_dropped(store: Store) -> None:
    app = WorkbenchApp(store.root)
    release = threading.Event()
    got: list[Any] = []

    class Asking(Notice):
        def take(self, value: object) -> None:
            got.append(value)

    async with app.run_test(size=SIZE) as pilot:
        dialog = Asking("title", "text")
        app.push_screen(dialog)
        await until(pilot, lambda: app.screen is dialog)
        app.ask("store", lambda _: "in time", dialog.take)
        await until(pilot, lambda: bool(got))
        app.ask("store", lambda _: release.wait(10), dialog.take)
        await pilot.press("escape")
        await until(pilot, lambda: not dialog.is_attached)
        release.set()
        app.ask("store", lambda _: "after", got.append)
        await until(pilot, lambda: "after" in got)
        assert got == ["in time", "after"]


async def test_trouble_of_the_reading_thread_is_told_like_any_other(store: Store) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: "No runs yet" in drawn(app))
        app._tell_from_thread(Unavailable("the store is locked", "wait"))
        app._tell_from_thread(OSError("gone"))
        await until(pilot, lambda: len(toasts(app)) == 2)
        assert "the store is locked|wait" in toasts(app)
        assert any("tui.log" in toast for toast in toasts(app))


async def test_a_pane_is_zoomed_and_given_back(store: Store) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("z")
        await until(pilot, lambda: app.screen.maximized is not None)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.maximized is None)


async def test_copying_takes_the_row_in_focus_without_controls(store: Store) -> None:
    add_run(store, "alpha")
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "alpha" in drawn(app))
        await pilot.press("y")
        await until(pilot, lambda: "alpha" in app.clipboard)
        assert "\x1b" not in app.clipboard


async def test_the_palette_offers_the_actions_of_the_table(store: Store) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+p")
        await pilot.press(*"go to benchm")
        await until(pilot, lambda: "Go to Benchmarks" in drawn(app), "the row")
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "benchmarks")


def test_leaving_says_that_runs_go_on(
    terminal: Callable[..., Any], store: Store, fake_worker: Callable[..., Any]
) -> None:
    fake_worker(store.root, steps=2000, pace=0.05, name="long")
    opened = terminal(store.root, size=SIZE)
    opened.wait_for("running")
    opened.press("q")
    assert opened.ends_within(5) == 0
    assert b"1 run goes on" in opened.output


async def test_a_run_is_seen_live_while_another_process_works(
    store: Store, fake_worker: Callable[..., Any]
) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=SIZE) as pilot:
        fake_worker(store.root, steps=60, pace=0.05, name="seen-live")
        await until(pilot, lambda: "seen-live" in drawn(app) and "running" in drawn(app), "the run")
        assert "1 running" in drawn(app).splitlines()[0]
        await until(pilot, lambda: "completed" in drawn(app), "the end")
        assert "running" not in drawn(app).splitlines()[0]


def test_a_log_of_defects_does_not_grow_without_end(store: Store) -> None:
    app = WorkbenchApp(store.root)
    log: Path = store.root / "tui.log"
    log.write_text("x" * 1_100_000)
    app._log_defect(ValueError("new"))
    assert log.stat().st_size < 1000


async def test_plus_and_minus_move_a_queued_run(store: Store) -> None:
    """And only such a one; the text of its empty chart follows."""
    lock = HeldLock.take(store.root / queue.LOCK)
    assert lock is not None
    with lock:
        first, second = (
            store.runs.create(
                name=name, model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
            ).id
            for name in ("first", "second")
        )
        app = WorkbenchApp(store.root)
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: "queued behind 1 run" in drawn(app))
            await pilot.press("K")
            await until(pilot, lambda: store.runs.get(second).priority == 1)
            await until(pilot, lambda: "it starts in a moment" in drawn(app))
            await pilot.press("J")
            await until(pilot, lambda: store.runs.get(second).priority == 0)
            store.runs.request(second, "cancel")
            await until(pilot, lambda: "cancelled" in drawn(app))
            await pilot.press("K")
            await until(pilot, lambda: bool(toasts(app)))
            assert "this run is cancelled and waits in no queue" in toasts(app)[0]
            assert store.runs.get(first).priority == 0
