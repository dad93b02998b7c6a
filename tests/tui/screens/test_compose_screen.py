"""Stories of the Compose screen: what the model learns from, seen before it is trained."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sessions import another_session
from textual.widgets import Input, TextArea

from store import Store
from workbench.tui import drafts
from workbench.tui.screens import draft_keeping
from workbench.tui.screens.draft_keeping import DRAFT_SECONDS
from workbench.tui.screens.editor import EditorPane
from workbench.tui.screens.figures_pane import FiguresPane
from workbench.tui.widgets.form import Form
from workbench.tui.widgets.live_table import LiveTable
from workbench.tui.widgets.token_view import TokenView

EDITS = 30
SLOWEST_SECONDS = 1.0
MIXTURE = """\
name = "both"
mixing = "fixed"
[[tasks]]
dataset = "dialogues"
template = "summarise"
weight = 3
[[tasks]]
dataset = "dialogues"
template = "summarise"
split = "test"
[[tasks]]
dataset = "dialogues"
template = "nowhere"
"""


@pytest.fixture
def troubled(stocked: Store, tmp_path: Path) -> Store:
    """The store with a dataset in which rows 3 and 40 have a problem, and one row stands twice."""
    rows = [{"dialogue": f"Anna: {at}?", "summary": f"Anna asks {at}."} for at in range(60)]
    rows[3]["summary"] = " "
    rows[40]["dialogue"] = "Anna: Do you bring apples? " * 40
    rows[50] = rows[49]
    file = tmp_path / "troubled.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    stocked.datasets.add(file, name="a-troubled")
    return stocked


async def type_path(pilot: Any, look: Any, path: object) -> None:
    """Paste a path into the prompt that is open."""
    await look.wait(pilot, "enter accept")
    pilot.app.screen.query_one(Input).value = str(path)


async def go_to(pilot: Any, look: Any) -> None:
    """Open the screen, and wait for the first row."""
    await pilot.press("4")
    await look.wait(pilot, "6 trained")


def trained(pilot: Any) -> str:
    tokens = pilot.app.screen.query_one(TokenView).tokens
    return "".join(token.text for token in tokens if token.style_class == "trained")


async def test_a_row_shows_what_is_trained_and_what_is_context(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        assert trained(pilot) == "Ben brings apples.</s>"
        assert "row 0/24 dialogues train" in look(pilot)
        assert "its own" in look(pilot)


async def test_rows_and_variants_are_stepped_through(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("right_square_bracket")
        await look.wait(pilot, "Clara brings bread.")
        await pilot.press("left_square_bracket")
        await look.wait(pilot, "row 0/24")
        await pilot.press("left_square_bracket")
        await look.wait(pilot, "there are no more rows that way")
        await pilot.press("v")
        await look.wait(pilot, "variant summary-of 1/2")
        await pilot.press("v")
        await look.wait(pilot, "variant in-short 2/2")
        await pilot.press("V")
        await look.wait(pilot, "its own")


async def test_a_row_is_gone_to_by_its_number(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("t", "9", "9", "enter")
        await look.wait(pilot, "a number from 0 to 23")
        await pilot.press("backspace", "backspace", "2", "3", "enter")
        await look.wait(pilot, "row 23/24")


async def test_ids_are_shown_on_demand(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        assert "‹2›" not in look(pilot)
        await pilot.press("i")
        await look.wait(pilot, "</s>‹2›")
        await pilot.press("i")
        await pilot.pause(0.1)
        assert "‹2›" not in look(pilot)


async def test_a_batch_shows_the_padding(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("b")
        await look.wait(pilot, "batch of 8 rows")
        await look.wait(pilot, "padding")
        kinds = {token.style_class for token in pilot.app.screen.query_one(TokenView).tokens}
        assert "padding" in kinds
        await pilot.press("b")
        await pilot.pause(0.3)
        assert "batch of 8 rows" not in look(pilot)


async def test_another_length_cuts_off_and_says_so(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("c", "2", "0", "enter")
        await look.wait(pilot, "cut at 20")
        await look.wait(pilot, "cut off")
        await look.wait(pilot, "max_length to 25 or more")
        await look.wait(pilot, "24 prompts")  # the figures follow


async def test_the_figures_of_all_rows_fill_in_and_name_the_problems(
    troubled: Store, opened: Any, look: Any
) -> None:
    async with opened(troubled.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "60 rows,")
        for text in ("duplicates 1 row", "empty      1 row", "not-rendered", "prompt-cut"):
            await look.wait(pilot, text)


async def test_the_next_row_with_a_problem_is_one_key_away(troubled: Store, opened: Any, look: Any) -> None:
    async with opened(troubled.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "60 rows,")
        await pilot.press("p")
        await look.wait(pilot, "row 3/60")
        await look.wait(pilot, "the completion is empty")
        await pilot.press("p")
        await look.wait(pilot, "row 40/60")
        await pilot.press("p")
        await look.wait(pilot, "no row that way has a problem")
        await pilot.press("P")
        await look.wait(pilot, "row 3/60")


async def test_without_figures_a_process_looks_for_the_problem(
    troubled: Store, opened: Any, look: Any
) -> None:
    async with opened(troubled.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "row 0/60")
        await pilot.press("v")  # another phrasing than the figures are of
        await look.wait(pilot, "variant")
        await pilot.press("p")
        await look.wait(pilot, "row 3/60")


async def test_a_problem_in_the_table_leads_to_its_first_row(troubled: Store, opened: Any, look: Any) -> None:
    async with opened(troubled.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "prompt-cut")
        table = pilot.app.screen.query_one("#kinds", LiveTable)
        table.focus()
        table.move_to("prompt-cut")
        await pilot.press("enter")
        await look.wait(pilot, "row 40/60")


async def test_counting_is_stopped_and_begun_again_by_one_key(
    stocked: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    many = tmp_path / "many.jsonl"
    row = json.dumps({"dialogue": "Anna: Do you bring apples? " * 20, "summary": "Anna asks."}) + "\n"
    many.write_text(row * 60_000)
    stocked.datasets.add(many, name="a-many")
    async with opened(stocked.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "f stops")
        await pilot.press("f")
        await look.wait(pilot, "f counts again")
        pane = pilot.app.screen.query_one(FiguresPane)
        assert not pane.counting
        await pilot.press("f")
        await look.wait(pilot, "f stops")


async def test_what_is_typed_is_previewed_and_saved_only_when_it_is_valid(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("e")
        await look.wait(pilot, "template summarise")
        await look.wait(pilot, "columns: dialogue, summary")
        area = pilot.app.screen.query_one(EditorPane).query_one(TextArea)
        good = area.text.replace("Dialogue:", "A talk:").replace("In short:", "Shortly:")
        area.load_text(good)
        await look.wait(pilot, "A talk:" if "A talk:" in look(pilot) else "Shortly:")
        assert "Shortly:" not in stocked.templates.text("summarise")
        area.load_text("name = ")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "mend the TOML")
        area.load_text(good)
        await pilot.press("escape")
        await look.wait(pilot, "not saved")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "summarise is saved")
        assert "Shortly:" in stocked.templates.text("summarise")
        await pilot.press("escape")
        await look.wait(pilot, "templates")
        assert not pilot.app.screen.query_one(EditorPane).display


async def test_a_fault_is_told_at_its_place_and_the_last_good_preview_stays(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        before = pilot.app.screen.query_one(TokenView).tokens
        pane = pilot.app.screen.query_one(FiguresPane)
        while pane.fresh is None or pane.counting:
            await pilot.pause(0.05)
        await pilot.press("e")
        await look.wait(pilot, "template summarise")
        area = pilot.app.screen.query_one(EditorPane).query_one(TextArea)
        area.load_text(area.text.replace("{{ dialogue }}\nWhat", "{{ dialogue }\nWhat"))
        await look.wait(pilot, "line 6, column 13")
        await look.wait(pilot, "the last good preview")
        assert pilot.app.screen.query_one(TokenView).tokens == before
        # Nor are its figures counted as if somebody had stopped that.
        await pilot.pause(0.5)
        while pane.counting:
            await pilot.pause(0.05)
        assert str(pane.border_subtitle) == "of before"


async def test_a_draft_that_was_put_off_is_offered_again_before_its_template_is_edited(
    stocked: Store, opened: Any, look: Any
) -> None:
    path = drafts.new_place(stocked.root, "summarise")
    drafts.keep(path, "# unsaved")
    gone = {"boot_id": "another", "pid": 1, "start_ticks": 1, "nonce": ""}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"writer": gone}))
    async with opened(stocked.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "unsaved draft of 'summarise'")
        await pilot.press("escape")
        await look.wait(pilot, "6 trained")
        await pilot.press("e")
        await look.wait(pilot, "unsaved draft of 'summarise'")
        await pilot.press("escape", "e")
        await look.wait(pilot, "unsaved draft of 'summarise'")
        await pilot.press("r")
        await look.wait(pilot, "# unsaved")
        await pilot.press("escape", "escape")
        async with asyncio.timeout(10):
            while path.exists():  # it was left without
                await pilot.pause(0.05)


async def test_what_another_session_is_writing_stays_when_its_template_is_opened(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        with another_session(stocked.root, "summarise", "# of another session") as theirs:
            await pilot.press("e")
            await look.wait(pilot, "prompt = ")
            await pilot.press("#")
            await pilot.pause(DRAFT_SECONDS + 0.3)
            assert len(list(theirs.parent.glob("summarise.*"))) == 2
            await pilot.press("escape", "escape")
            await pilot.pause(0.3)
    assert list(theirs.parent.glob("summarise.*")) == [theirs]


async def test_a_text_that_is_not_saved_stays_when_a_template_is_edited_again(
    stocked: Store, opened: Any, look: Any
) -> None:
    text = stocked.templates.text("summarise")
    stocked.templates.path("another").write_text(text.replace('"summarise"', '"another"'))
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        pilot.app.screen.query_one("#templates", LiveTable).move_to("summarise")
        await look.wait(pilot, "6 trained")
        await pilot.press("e")
        await look.wait(pilot, "template summarise")
        area = pilot.app.screen.query_one(EditorPane).query_one(TextArea)
        await pilot.press("X", "Y", "tab")
        assert not area.has_focus
        await pilot.press("e")
        await pilot.pause(0.3)
        assert area.has_focus and area.text == f"XY{text}"
        await pilot.press("tab")
        pilot.app.screen.query_one("#templates", LiveTable).move_to("another")
        await pilot.press("e")
        await look.wait(pilot, "not saved")
        assert area.has_focus and area.text == f"XY{text}"
        await pilot.press("escape")  # as it says
        await look.wait(pilot, "templates")
        await pilot.press("e")
        await look.wait(pilot, "template another")


async def test_what_this_session_did_not_save_is_offered_before_its_template_is_edited(
    stocked: Store, opened: Any, look: Any
) -> None:
    drafts.keep(drafts.new_place(stocked.root, "summarise"), "# unsaved")
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("e")
        await look.wait(pilot, "unsaved draft of 'summarise'")
        await pilot.press("r")
        await look.wait(pilot, "# unsaved")


async def test_what_is_typed_as_the_app_ends_is_kept(
    stocked: Store, opened: Any, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_keeping, "DRAFT_SECONDS", 60.0)
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("e")
        await look.wait(pilot, "template summarise")
        await pilot.press("X")
    (draft,) = drafts.free(stocked.root, drafts.TEMPLATE)
    assert draft.text == f"X{stocked.templates.text('summarise')}"


async def test_an_edit_in_another_program_is_followed(
    stocked: Store, opened: Any, look: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty times; the preview is there within a second, and how soon is printed."""
    path = stocked.templates.path("summarise")
    text = path.read_text()
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await asyncio.sleep(0.5)
        seconds = []
        for number in range(EDITS):
            # In place, or renamed into place: both are what editors do.
            new = text.replace('completion = "', f'completion = "[{number}] ')
            begun = time.monotonic()
            if number % 2:
                path.write_text(new)
            else:
                part = path.with_name(".summarise.part")
                part.write_text(new)
                part.rename(path)
            while f"[{number}] " not in trained(pilot):
                assert time.monotonic() - begun < 5, f"edit {number} is not shown"
                await asyncio.sleep(0.002)
            seconds.append(time.monotonic() - begun)
            await asyncio.sleep(0.05)
    p95 = sorted(seconds)[int(0.95 * EDITS)]
    with capsys.disabled():
        print(f"\npreview after an edit outside: median {sorted(seconds)[15]:.3f} s, p95 {p95:.3f} s")
    assert p95 < SLOWEST_SECONDS


async def test_a_file_broken_by_another_program_is_explained(stocked: Store, opened: Any, look: Any) -> None:
    path = stocked.templates.path("summarise")
    good = path.read_text()
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        path.write_text(good.replace("{{ summary }}", "{{ summary"))
        await look.wait(pilot, "the last good preview")
        assert trained(pilot) == "Ben brings apples.</s>"
        path.write_text("name = ")
        await look.wait(pilot, "Invalid value")
        path.write_text(good)
        await look.wait(pilot, "6 trained")
        await pilot.pause(0.3)
        assert "the last good preview" not in look(pilot)


async def test_a_file_that_appears_is_in_the_list(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        text = stocked.templates.text("summarise").replace('"summarise"', '"appeared"', 1)
        (stocked.root / "templates" / "appeared.toml").write_text(text)
        await look.wait(pilot, "appeared")
        (stocked.root / "templates" / "a-broken.toml").write_text("name = [")
        await look.wait(pilot, "a-broken")


async def test_a_second_template_of_a_kind_gets_a_name_of_its_own(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        for _ in range(3):
            await pilot.press("n")
            await look.wait(pilot, "enter takes it")
            await pilot.press("enter")
            await pilot.pause(0.4)
        await look.wait(pilot, "summarisation-2")
        assert set(stocked.templates.names()) == {
            "summarise",
            "dialogue-summarisation",
            "dialogue-summarisation-dialogues",
            "dialogue-summarisation-2",
        }
        for name in stocked.templates.names():
            assert stocked.templates.get(name).name == name


async def test_from_a_dataset_one_key_leads_to_its_templates(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "dialogues")
        await pilot.press("c")
        await look.wait(pilot, "new template for dialogues")
        await pilot.press("enter")
        await look.wait(pilot, "dialogue-summarisation")
        await look.wait(pilot, "6 trained")


async def test_without_a_dataset_the_way_to_one_is_told(store: Store, opened: Any, look: Any) -> None:
    async with opened(store.root, size=(80, 24)) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "Press 3, then a")
        await pilot.press("p")
        await look.wait(pilot, "there is no dataset")


async def test_without_a_model_the_text_is_shown(
    store: Store, opened: Any, look: Any, dialogue_file: Path, template_file: Path
) -> None:
    store.datasets.add(dialogue_file, name="dialogues")
    store.templates.add(template_file)
    async with opened(store.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "Ben brings apples.")
        await look.wait(pilot, "by no model: press 2")
        await look.wait(pilot, "press 2 and add one")
        # The list of models would be empty: that there is none is told instead.
        await pilot.press("m")
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 1 and "tokens of" not in look(pilot)


async def test_rows_of_other_columns_are_refused_in_place(
    stocked: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"question": "x"}\n')
    stocked.datasets.add(other, name="a-other")
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        assert "dialogues train" in look(pilot)
        await pilot.press("r")
        await look.wait(pilot, "a-other train  (other columns)")
        await pilot.press("G", "enter")
        await look.wait(pilot, "'dialogue'")
        assert "prompt, not rendered" in look(pilot)


async def test_a_run_is_started_from_what_is_on_show(
    stocked: Store, opened: Any, look: Any, tiny_causal: Path
) -> None:
    stocked.models.add(str(tiny_causal), name="z-causal")
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("m")
        await look.wait(pilot, "tokens of")
        await pilot.press("G", "enter")
        await look.wait(pilot, "by z-causal")
        await pilot.press("r")
        await look.wait(pilot, "take rows of")
        await pilot.press("G", "enter")
        await look.wait(pilot, "dialogues test")
        await pilot.press("s")
        await look.wait(pilot, "new run")
        values = pilot.app.screen.query_one(Form).values()
        chosen = [values[name] for name in ("model", "dataset", "split", "template")]
        assert chosen == ["z-causal", "dialogues", "test", "summarise"]


async def test_a_template_is_added_from_a_file_and_removed_after_a_yes(
    store: Store, opened: Any, look: Any, template_file: Path, dialogue_file: Path
) -> None:
    store.datasets.add(dialogue_file, name="dialogues")
    async with opened(store.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "No templates yet")
        await pilot.press("a")
        await type_path(pilot, look, template_file)
        await pilot.press("enter")
        await look.wait(pilot, "summarise is added")
        assert store.templates.names() == ["summarise"]
        await pilot.press("d")
        await look.wait(pilot, "No templates yet")


async def test_a_mixture_shows_its_tasks_and_their_shares(
    stocked: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    file = tmp_path / "both.toml"
    file.write_text(MIXTURE)
    async with opened(stocked.root) as pilot:
        await go_to(pilot, look)
        await pilot.press("x")
        await look.wait(pilot, "No mixtures yet")
        await pilot.press("a")
        await type_path(pilot, look, file)
        await pilot.press("enter")
        await look.wait(pilot, "75.0%")
        await look.wait(pilot, "task 3: no template named 'nowhere'")
        await pilot.press("p")
        await look.wait(pilot, "x shows the templates")
        await pilot.press("d")
        await look.wait(pilot, "No mixtures yet")
        await pilot.press("x")
        await look.wait(pilot, "6 trained")


def test_the_process_of_the_screens_loads_no_tokenizer() -> None:
    """What templates and tokenizers do, they do in another process."""
    code = (
        "import sys\n"
        "import workbench.tui.app, workbench.tui.screens.compose\n"
        "print(*[name for name in ('tokenizers', 'torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
