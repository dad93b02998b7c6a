"""Stories of the screens of the store: Models, Datasets and Adapters; Compose has a file of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from big_store import write_big_store
from textual.widgets import Input

from store import Store, Unavailable
from store.adapters import Adapter
from workbench.tui.clean import link_to
from workbench.tui.screens import adapters, benchmarks, catalog, datasets, models
from workbench.tui.screens.adapters import AdaptersScreen


async def add(pilot: Any, look: Any, path: object) -> None:
    await pilot.press("a")
    await look.wait(pilot, "enter accept")
    pilot.app.screen.query_one(Input).value = str(path)  # pasted
    await pilot.press("enter")


async def test_an_empty_store_says_on_each_screen_how_to_fill_it(
    store: Store, opened: Any, look: Any
) -> None:
    async with opened(store.root, size=(80, 24)) as pilot:
        for key, text in (
            ("2", "No models yet"),
            ("3", "No datasets yet"),
            ("4", "No templates yet"),
            ("5", "No adapters"),
        ):
            await pilot.press(key)
            await look.wait(pilot, text)


async def test_a_model_is_added_by_its_path_and_described(
    store: Store, opened: Any, look: Any, tiny_causal: Path
) -> None:
    async with opened(store.root) as pilot:
        await pilot.press("2")
        await look.wait(pilot, "No models yet")
        await add(pilot, look, tiny_causal)
        await look.wait(pilot, "causal language model")
        assert [model.family for model in store.models.list()] == ["causal"]


async def test_a_folder_that_is_no_model_is_refused_with_the_remedy(
    store: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    async with opened(store.root) as pilot:
        await pilot.press("2")
        await look.wait(pilot, "No models yet")
        await add(pilot, look, tmp_path)
        await look.wait(pilot, "config.json")
        assert store.models.list() == []


async def test_without_a_trash_a_model_is_removed_only_after_a_yes(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        pilot.app.trash_days = 0
        await pilot.press("2")
        await look.wait(pilot, "encoder-decoder")
        await pilot.press("d")
        await look.wait(pilot, "Remove tiny?")
        await pilot.press("n")
        assert len(stocked.models.list()) == 1
        await pilot.press("d", "y")
        await look.wait(pilot, "No models yet")


async def test_an_adapter_tells_where_it_comes_from_and_leads_to_compare(
    worked: Store, opened: Any, look: Any, fake_server: Any
) -> None:
    fake_server(worked, {None: "I do not know.", "first-try": "Ben brings apples."})
    async with opened(worked.root) as pilot:
        await pilot.press("5")
        await look.wait(pilot, "1,280 parameters")
        await look.wait(pilot, "lineage")
        assert "r1" in look(pilot)
        await pilot.press("c")
        await look.wait(pilot, "who answers")
        await look.wait(pilot, "ROUGE-1 1.000")


@pytest.mark.parametrize(
    ("key", "module", "ages"),
    [
        ("2", models, ["2d ago", "5d ago"]),
        ("3", datasets, ["2d ago", "5d ago"]),
        ("5", adapters, ["2d ago", "5d ago"]),
        ("5", adapters, ["2d  ", "5d  "]),
        ("8", benchmarks, ["2d", "5d"]),
    ],
    ids=["model", "dataset", "adapter", "adapters", "benchmarks"],
)
async def test_how_long_ago_goes_on_while_one_looks(
    worked: Store,
    opened: Any,
    look: Any,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    module: Any,
    ages: list[str],
) -> None:
    monkeypatch.setattr(catalog, "AGES_SECONDS", 0.1)
    monkeypatch.setattr(benchmarks, "AGES_SECONDS", 0.1)
    async with opened(worked.root) as pilot:
        await pilot.press(key)
        await look.wait(pilot, ages[0])
        later = time.time() + 3 * 86_400
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: later))
        await look.wait(pilot, ages[1])


@pytest.mark.parametrize("links", [True, False])
async def test_folder_and_source_are_links_where_the_terminal_takes_them(
    links: bool, stocked: Store, still_app: Any, look: Any
) -> None:
    """The source leads to just what it says, in as many lines as it takes."""
    source = stocked.models.get("tiny").source
    app = still_app(stocked.root, links=links)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("2")
        await look.wait(pilot, "models/tiny")
        strips = app.screen._compositor.render_strips()
        segments = [segment for strip in strips for segment in strip if segment.style is not None]
        found = [segment for segment in segments if segment.style.link]
        folder = {segment.text.strip() for segment in found if "models/tiny" in segment.text}
        assert folder == ({"models/tiny"} if links else set())
        rest = [segment for segment in found if segment.text.strip() not in folder]
        assert "".join(segment.text.strip() for segment in rest) == (source if links else "")
        assert {segment.style.link for segment in rest} == ({link_to(Path(source))} if links else set())


async def test_adapters_that_could_not_be_read_once_are_read_when_the_list_is_drawn_again(
    store: Store, opened: Any, look: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_big_store(store.root, adapters=300, runs=300, points=False)
    read_some, busy = AdaptersScreen.read_some, Event()

    def read(screen: AdaptersScreen, store: Store, names: Sequence[str]) -> Sequence[Adapter]:
        if busy.is_set():
            raise Unavailable("the store is busy", "try again")
        return read_some(screen, store, names)

    monkeypatch.setattr(AdaptersScreen, "read_some", read)
    async with opened(store.root) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: isinstance(pilot.app.screen, AdaptersScreen))
        screen: Any = pilot.app.screen
        await until(pilot, lambda: screen._table.row_count == 300)
        busy.set()
        await pilot.press("G")
        await look.wait(pilot, "the store is busy")
        assert screen.selected is None
        busy.clear()
        await pilot.press("k")
        await until(pilot, lambda: screen.selected is not None)


@pytest.mark.parametrize(
    ("key", "noun", "seen"), [("2", "model", "encoder-decoder"), ("5", "adapter", "lineage")]
)
async def test_a_row_that_another_program_wrote_is_told_and_hides_nothing(
    worked: Store, opened: Any, look: Any, key: str, noun: str, seen: str
) -> None:
    with worked.db.conn:
        worked.db.execute(f"create table copy as select * from {noun}s")  # noqa: S608 (our own nouns)
        worked.db.execute("update copy set name = '../x y'")
        worked.db.execute(f"insert into {noun}s select * from copy")  # noqa: S608 (our own nouns)
        worked.db.execute("drop table copy")
    async with opened(worked.root) as pilot:
        await pilot.press(key)
        await look.wait(pilot, f"a row of the catalog is no {noun}")
        await look.wait(pilot, seen)
