"""Stories of the Datasets screen: paging, searching, reading, copying, figures, splitting and the inbox."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from store import Store, open_store
from workbench.tui.screens.datasets import DatasetsScreen
from workbench.tui.screens.rows_pane import RowsPane
from workbench.tui.widgets.row_grid import RowGrid
from workbench.tui.widgets.text_view import TextView

ROWS = 20_000
LONG = "a long word after another one " * 200


def row_of(number: int) -> dict[str, Any]:
    text = f"this is row {number}"
    if number % 1000 == 999:
        text += " with a NEEDLE in it"
    return {"id": number, "text": text, "long": f"{LONG}the end of {number}", "label": "ab"[number % 2]}


@pytest.fixture(scope="session")
def many_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that `many` is a copy of."""
    folder = tmp_path_factory.mktemp("many")
    file = folder / "many.jsonl"
    with file.open("w") as lines:
        lines.writelines(json.dumps(row_of(number)) + "\n" for number in range(ROWS))
    with open_store(folder / "store") as store:
        store.datasets.add(file, name="many")
    return folder / "store"


@pytest.fixture
def many(store_root: Path, many_folder: Path) -> Iterator[Store]:
    """A store with a dataset of 20,000 rows."""
    shutil.copytree(many_folder, store_root)
    with open_store(store_root) as store:
        yield store


async def browse(pilot: Any, look: Any) -> RowGrid:
    await pilot.press("3")
    await look.wait(pilot, "row 0 of 20,000")
    await pilot.press("enter")
    grid = pilot.app.screen.query_one(RowGrid)
    assert grid.has_focus
    return grid


async def type_in(pilot: Any, text: str) -> None:
    await pilot.pause(0.05)
    pilot.app.screen.query_one(Input).value = text
    await pilot.pause(0.05)


async def test_the_cursor_goes_through_the_whole_split(many: Store, opened: Any, look: Any) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        assert "this is row 0" in look(pilot)
        await pilot.press("G")
        await look.wait(pilot, "row 19,999 of 20,000")
        await look.wait(pilot, "this is row 19999")
        await pilot.press("k", "ctrl+u")
        await look.wait(pilot, "row 19,988 of 20,000")
        await pilot.press("g", *["j"] * 30)
        await look.wait(pilot, "row 30 of 20,000")
        await look.wait(pilot, "this is row 30")
        await pilot.press(*["ctrl+d"] * 20)
        await look.wait(pilot, "row 230 of 20,000")
        await look.wait(pilot, "this is row 230")


async def test_a_row_is_gone_to_by_its_number(many: Store, opened: Any, look: Any) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        await pilot.press("t")
        await look.wait(pilot, "from 0 to 19,999")
        await type_in(pilot, "20000")
        await pilot.press("enter")
        await look.wait(pilot, "give a number from 0 to 19,999")
        await type_in(pilot, "12,345")
        await pilot.press("enter")
        await look.wait(pilot, "row 12,345 of 20,000")
        await look.wait(pilot, "this is row 12345")


async def test_the_rows_have_a_small_screen_for_themselves_until_they_are_left(
    many: Store, opened: Any, look: Any
) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        await look.wait(pilot, "this is row 18")
        assert "datasets ─" not in look(pilot)
        await pilot.press("escape")
        await look.wait(pilot, "datasets ─")
        assert pilot.app.screen.query_one("#list").has_focus


async def test_a_search_shows_only_what_it_finds_and_is_left_where_it_led(
    many: Store, opened: Any, look: Any
) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        await pilot.press("slash")
        await type_in(pilot, "needle")
        await look.wait(pilot, "hit 1 of 20, row 999")
        await look.wait(pilot, "NEEDLE")
        await pilot.press("enter")
        await look.wait(pilot, "20 of 20,000 rows")
        await pilot.press("n", "n", "N")
        await look.wait(pilot, "hit 2 of 20, row 1,999")
        await pilot.press("G")
        await look.wait(pilot, "hit 20 of 20, row 19,999")
        await pilot.press("k", "escape")
        await look.wait(pilot, "row 18,999 of 20,000")
        assert "/needle" not in look(pilot)
        assert pilot.app.screen.query_one(RowGrid).has_focus


async def test_a_search_that_finds_nothing_says_so_and_leads_back(
    many: Store, opened: Any, look: Any
) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        await pilot.press("G", "slash")
        await type_in(pilot, "no such text")
        await look.wait(pilot, "no row matches “no such text”")
        await pilot.press("escape")
        await look.wait(pilot, "row 19,999 of 20,000")
        await pilot.press("n")
        await look.wait(pilot, "nothing is looked for")


async def test_many_hits_are_searched_for_as_one_goes_on(many: Store, opened: Any, look: Any) -> None:
    async with opened(many.root, size=(120, 40)) as pilot:
        await browse(pilot, look)
        await pilot.press("slash")
        await type_in(pilot, "this is row")
        await look.wait(pilot, "hit 1 of 2")
        await pilot.press("enter")
        await look.wait(pilot, "going on finds more")
        await pilot.press("G")
        await look.wait(pilot, "hit 20,000 of 20,000, row 19,999", seconds=30)


async def test_a_row_is_read_searched_and_copied_in_full(many: Store, opened: Any, look: Any) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        await pilot.press("j", "l", "l", "enter")
        await look.wait(pilot, "long  ")
        reader = pilot.app.screen.query_one(TextView)
        assert reader.has_focus
        await pilot.press("slash")
        await type_in(pilot, "the (end|END) of")
        await pilot.press("enter")
        await look.wait(pilot, "match 1 of 1")
        await look.wait(pilot, "the end of 1")
        await pilot.press("y")
        await look.wait(pilot, "long of row 1,")
        assert pilot.app.clipboard == row_of(1)["long"]
        await pilot.press("Y")
        await look.wait(pilot, "row 1 as JSON")
        assert json.loads(pilot.app.clipboard) == row_of(1)
        await pilot.press("right_square_bracket")
        await look.wait(pilot, "row 2 of 20,000")
        await look.wait(pilot, "the end of 2")
        await pilot.press("l", "escape")
        await look.wait(pilot, "this is row 2")
        grid = pilot.app.screen.query_one(RowGrid)
        assert (grid.has_focus, grid.position, grid.column) == (True, 2, 3)


async def test_a_cell_is_copied_from_the_list_in_full_though_it_is_cut_there(
    many: Store, opened: Any, look: Any
) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        await pilot.press("G", "l", "l", "y")
        await look.wait(pilot, "long of row 19,999")
        assert pilot.app.clipboard.endswith("the end of 19999")


async def test_the_last_row_is_the_last_one_to_read(many: Store, opened: Any, look: Any) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        await pilot.press("G", "enter")
        await look.wait(pilot, "id  number")
        await pilot.press("right_square_bracket")
        await look.wait(pilot, "this is the last row")


async def test_columns_are_told_in_figures_and_one_of_them_in_full(
    many: Store, opened: Any, look: Any
) -> None:
    async with opened(many.root, size=(120, 40)) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "row 0 of 20,000")
        await pilot.press("f")
        await look.wait(pilot, "columns of many · all 20,000 rows")
        await look.wait(pilot, "a 10,000, b 10,000")
        await pilot.press("G", "enter")
        await look.wait(pilot, "column label")
        await look.wait(pilot, "50.0%")
        await pilot.press("escape", "escape")
        await look.wait(pilot, "row 0 of 20,000")
        assert pilot.app.screen.query_one(RowGrid).has_focus


async def test_a_dataset_is_divided_and_the_division_taken_back(many: Store, opened: Any, look: Any) -> None:
    async with opened(many.root, size=(80, 24)) as pilot:
        await browse(pilot, look)
        await pilot.press("right_square_bracket")
        await look.wait(pilot, "only one split")
        await pilot.press("s")
        await look.wait(pilot, "about train 18,000, test 2,000 rows")
        await type_in(pilot, "2")
        await look.wait(pilot, "out of range")
        await type_in(pilot, "0.05")
        await look.wait(pilot, "about train 19,000, test 1,000 rows")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "many is divided")
        assert many.datasets.get("many").splits == {"train": 19_000, "test": 1000}
        await look.wait(pilot, "many · train · row 0 of 19,000")
        await pilot.press("right_square_bracket")
        await look.wait(pilot, "many · test · row 0 of 1,000")
        await pilot.press("U")
        await look.wait(pilot, "Take the division of many back?")
        await pilot.press("y")
        await look.wait(pilot, "row 0 of 20,000")


async def test_each_split_is_left_and_found_again_at_its_row(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root, size=(80, 24)) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "dialogues · train · row 0 of 24")
        await pilot.press("enter", "G", "right_square_bracket")
        await look.wait(pilot, "dialogues · test · row 0 of 24")
        await pilot.press("left_square_bracket")
        await look.wait(pilot, "dialogues · train · row 23 of 24")


async def test_a_dataset_is_added_and_its_bad_lines_are_told(
    store: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.jsonl"
    file.write_text('{"text": "one"}\nnonsense\n{"text": "[bold]two\\u001b[2J"}\n')
    async with opened(store.root) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "No datasets yet")
        await pilot.press("f")
        await look.wait(pilot, "there is no dataset")
        await pilot.press("a")
        await look.wait(pilot, "a Hub id")
        await type_in(pilot, str(file))
        await pilot.press("enter")
        await look.wait(pilot, "train · row 0 of 2")
        await look.wait(pilot, "[bold]two␛[2J")
        await look.wait(pilot, "line 2")


async def test_what_is_dropped_into_the_inbox_comes_in_or_is_explained(
    store: Store, opened: Any, look: Any
) -> None:
    inbox = store.root / "inbox"
    async with opened(store.root) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "No datasets yet")
        (inbox / "talk.jsonl").write_text('{"text": "one"}\n')
        await look.wait(pilot, "talk.jsonl came in as the dataset talk", seconds=20)
        await look.wait(pilot, "talk · train · row 0 of 1")
        (inbox / "picture.png").write_bytes(b"png")
        await look.wait(pilot, "not taken: picture.png", seconds=20)
        await pilot.press("i")
        await look.wait(pilot, "Delete the note beside a file")
        assert "talk.jsonl  as the dataset talk" in look(pilot)


async def test_what_became_of_the_inbox_is_told_to_a_screen_that_opens_later(
    store: Store, opened: Any, look: Any
) -> None:
    (store.root / "inbox" / "picture.png").write_bytes(b"png")
    async with opened(store.root) as pilot:
        for _ in range(200):
            if pilot.app.inbox.refused:
                break
            await pilot.pause(0.05)
        await pilot.press("3")
        await look.wait(pilot, "not taken: picture.png")


async def test_every_action_of_the_screen_can_be_asked_for_without_a_dataset(
    store: Store, opened: Any, look: Any
) -> None:
    async with opened(store.root, size=(80, 24)) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "No datasets yet")
        screen = pilot.app.screen
        assert isinstance(screen, DatasetsScreen)
        await pilot.press("s", "t", "n", "N", "Y", "U", "f", "enter", "slash", "escape", "y")
        await pilot.press("right_square_bracket", "left_square_bracket", "d")
        await pilot.pause(0.2)
        assert pilot.app.screen is screen
        assert screen.query_one(RowsPane).dataset is None
