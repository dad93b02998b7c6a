"""The screens come back to what they showed: after leaving, after a kill, and whatever is gone meanwhile."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from big_store import write_big_store
from textual.pilot import Pilot

from store import Store
from workbench.tui.app import WorkbenchApp
from workbench.tui.remembering import Memory
from workbench.tui.run_book import RunBook
from workbench.tui.run_reader import RunNews
from workbench.tui.screens.run_list import RunList
from workbench.tui.state import FILE, State, load, save


@asynccontextmanager
async def session(root: Path, *, theme: str = "night", fresh: bool = False) -> AsyncIterator[Pilot[Any]]:
    app = WorkbenchApp(root, memory=Memory(root, theme, fresh=fresh))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.pause(0.3)
        yield pilot
        await pilot.pause(0.2)
        await pilot.press("q")


def add_run(store: Store, name: str) -> str:
    run = store.runs.create(
        name=name, model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    store.runs.request(run.id, "cancel")
    return run.id


def test_a_state_comes_back_as_it_was_and_is_its_users_alone(store: Store) -> None:
    kept = State("compare", "light", "night", {"runs": {"zoomed": "loss"}})
    save(store.root, kept)
    assert load(store.root) == (kept, "")
    assert (store.root / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"version": 99}', '{"version": 1, "mode": 3}', "[" * 100_000, "\0\xff"],
    ids=lambda text: text[:20] or "empty",
)
def test_a_damaged_state_is_told_and_ignored(store: Store, text: str) -> None:
    (store.root / FILE).write_text(text, encoding="latin-1")
    state, told = load(store.root)
    assert state == State()
    assert str(store.root / FILE) in told


def test_of_two_sessions_on_one_store_the_last_to_write_is_come_back_to(store: Store) -> None:
    """Each writes as often as it can, a little and a lot, while a third one begins again and again."""
    little, much = State("compare"), State("runs", screens={"runs": {"zoomed": "loss" * 50_000}})

    def write(state: State) -> None:
        memory = Memory(store.root, "night")
        for _ in range(20):
            memory.write(state)

    with ThreadPoolExecutor() as pool:
        writing = [pool.submit(write, state) for state in (little, much)]
        while not all(each.done() for each in writing):
            assert load(store.root) in [(State(), ""), (little, ""), (much, "")]
    assert [each.result() for each in writing] == [None, None]
    write(little)
    assert load(store.root) == (little, "")
    assert list(store.root.glob(f".{FILE}*")) == []


async def test_screen_cursor_marks_filter_curves_and_zoom_come_back(store: Store) -> None:
    ids = [add_run(store, f"run-{number}") for number in range(5)]
    async with session(store.root) as pilot:
        for keys in (["j", "space", "L", "plus"], ["slash", *"run-[0-3]", "enter"], "jj", ["tab", "z"], "2"):
            await pilot.press(*keys)
            await pilot.pause(0.1)
    async with session(store.root) as pilot:
        assert pilot.app.current_mode == "models"
        await pilot.press("1")
        await pilot.pause(0.3)
        screen: Any = pilot.app.screen
        runs = screen.query_one("#runs")
        assert runs.filter_text == "run-[0-3]"
        assert runs.keys == tuple(reversed(ids[:4]))
        assert runs.marked == {ids[3]}
        assert screen.selected.id == ids[0]
        choice = screen.query_one("#run").overlay.choice
        assert (choice.log, choice.smoothing) == (True, 0.5)
        assert screen.maximized is not None and screen.maximized.id == "loss"


def remembered_runs(root: Path) -> dict[str, Any]:
    table: dict[str, Any] = load(root)[0].screens["runs"]["tables"]["runs"]
    return table


async def test_cursor_and_marks_on_runs_that_come_late_come_back(store: Store, until: Any) -> None:
    """The newest 200 come first; until the others are there, what is remembered of them is kept."""
    write_big_store(store.root, adapters=1, runs=300, points=False)
    runs = [store.runs.get(f"r{number}") for number in range(300, 0, -1)]
    kept = {"cursor": "r5", "marked": ["r299", "r5", "r7"], "filter": ""}
    save(store.root, State(screens={"runs": {"tables": {"runs": kept}}}))
    async with session(store.root) as pilot:
        table: Any = pilot.app.screen.query_one("#runs")
        await until(pilot, lambda: len(table.runs) == 300)
        assert table.cursor_key == "r5"
        assert table.marked == {"r5", "r7", "r299"}
    assert remembered_runs(store.root) == kept
    async with session(store.root) as pilot:
        table = pilot.app.screen.query_one("#runs")
        await until(pilot, lambda: len(table.runs) == 300)
        again = RunList()
        await pilot.app.mount(again)
        again.recall(kept)
        book = RunBook()
        book.take(RunNews(tuple(runs[:200]), afresh=True, complete=False))
        again.show(book)
        assert again.cursor_key == "r300"
        assert again.marked == {"r299"}
        assert again.remembered == kept
        again.action_cursor_down()  # who has moved stays
        assert again.remembered["cursor"] == "r299"
        book.take(RunNews(tuple(runs[200:])))
        again.show(book)
        assert again.remembered == kept | {"cursor": "r299"}


async def test_without_it_everything_is_as_at_first(store: Store) -> None:
    add_run(store, "run")
    async with session(store.root) as pilot:
        await pilot.press("slash", *"nothing", "enter", "3")
    async with session(store.root, fresh=True) as pilot:
        assert pilot.app.current_mode == "runs"
        assert pilot.app.screen.filter_text == ""  # type: ignore[attr-defined]


def test_without_it_the_chosen_theme_stays(store: Store) -> None:
    save(store.root, State("compare", "light", "night", {"runs": {"zoomed": "loss"}}))
    memory = Memory(store.root, "night", fresh=True)
    assert (memory.theme, memory.mode, memory.of("runs")) == ("light", "runs", {})
    memory.write(memory.state)
    assert Memory(store.root, "night").theme == "light"


async def test_a_row_that_is_gone_leaves_the_cursor_where_it_begins(store: Store) -> None:
    ids = [add_run(store, f"run-{number}") for number in range(3)]
    async with session(store.root) as pilot:
        await pilot.press("G", "space")
    with store.db.conn:
        store.db.execute("delete from runs where id = 1")
    async with session(store.root) as pilot:
        screen: Any = pilot.app.screen
        assert screen.selected.id == ids[2]
        assert not screen.query_one("#runs").marked


@pytest.mark.parametrize(
    "value", [3, None, [], {"tables": {"runs": 4}, "curves": {"axis": []}, "zoomed": []}]
)
async def test_whatever_a_file_says_the_screens_open(store: Store, value: Any) -> None:
    add_run(store, "run")
    screens = {mode: {"tables": value, "subject": value, "question": value, "sort": value} for mode in "ab"}
    screens |= {
        mode: value if isinstance(value, dict) else {"tables": value, "curves": value, "place": value}
        for mode in ("runs", "models", "datasets", "compose", "adapters", "compare", "inspect", "benchmarks")
    }
    (store.root / FILE).write_text(
        json.dumps({"version": 1, "mode": "nowhere", "theme": "pink", "instead_of": "", "screens": screens})
    )
    async with session(store.root) as pilot:
        for key in "12345678":
            await pilot.press(key)
            await pilot.pause(0.05)
        assert pilot.app.current_mode == "benchmarks"


async def test_a_theme_is_remembered_until_the_settings_name_another(store: Store) -> None:
    async with session(store.root) as pilot:
        await pilot.press("colon", *"theme light", "enter")
    async with session(store.root) as pilot:
        assert pilot.app.theme == "workbench-light"
    async with session(store.root, theme="terminal") as pilot:
        assert pilot.app.theme == "workbench-terminal"


def test_a_killed_session_loses_at_most_a_second(terminal: Callable[..., Any], store: Store) -> None:
    for number in range(4):
        add_run(store, f"run-{number}")
    opened = terminal(store.root)
    opened.wait_for("run-1")
    opened.press("/run-[0-3]")
    opened.wait_for("/run-[0-3] ")
    opened.press("\r")
    opened.wait_for("? help")
    opened.press("jj3")
    opened.wait_for("No datasets yet")
    opened.read_for(1.0)
    opened.process.send_signal(signal.SIGKILL)
    opened.ends_within(5)
    again = terminal(store.root)
    again.wait_for("No datasets yet")
    again.press("1")
    again.wait_for("/run-[0-3]")
    kept = json.loads((store.root / FILE).read_text())
    assert kept["screens"]["runs"]["tables"]["runs"]["cursor"] == "r2"
