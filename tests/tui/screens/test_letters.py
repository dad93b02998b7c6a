"""One letter: jump mode leads to any pane, and marks lead back to places, in later sessions too."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from textual.widgets import Input

from store import Store
from workbench.tui import letters
from workbench.tui.keyboard import FILE, VERSION
from workbench.tui.letters import LetterLine
from workbench.tui.screens.launch import LaunchDialog
from workbench.tui.widgets.form import Choice
from workbench.tui.widgets.live_table import LiveTable
from workbench.tui.widgets.modal import Prompt
from workbench.tui.widgets.row_grid import RowGrid


def on(pilot: Any, kind: type) -> bool:
    return isinstance(pilot.app.screen, kind)


async def test_jump_mode_leads_to_the_pane_whose_letter_is_typed(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "first-try")
        screen = pilot.app.screen
        shown = letters.targets(screen)
        assert [target.letter for target in shown] == list(letters.LETTERS[: len(shown)])
        assert [target.widget for target in shown if not target.widget.can_focus] == []
        log = next(target for target in shown if target.widget.id == "log")
        await pilot.press("semicolon")
        await look.wait(pilot, f"╭{log.letter} log ─")
        await pilot.press(log.letter)
        await until(pilot, lambda: screen.focused is log.widget)
        await pilot.press("semicolon")
        await look.wait(pilot, f"{log.letter} log ")
        await pilot.press("escape")
        await until(pilot, lambda: not screen.query(".jump"))
        assert screen.focused is log.widget


async def test_in_a_form_a_letter_leads_to_each_field(
    stocked: Store, opened: Any, look: Any, until: Any
) -> None:
    """From a choice by the semicolon; from a text, which takes that as its own, by ctrl+g."""
    async with opened(stocked.root, size=(120, 40)) as pilot:
        await look.wait(pilot, "No runs yet")
        await pilot.press("n")
        await until(pilot, lambda: on(pilot, LaunchDialog))
        form = pilot.app.screen
        await until(pilot, lambda: len(letters.targets(form)) > 5)
        shown = letters.targets(form)
        text = next(target for target in shown if isinstance(target.widget, Input))
        choice = next(target for target in shown if isinstance(target.widget, Choice))
        field = text.widget
        assert isinstance(field, Input)
        choice.widget.focus()
        await until(pilot, lambda: choice.widget.has_focus)
        await pilot.press("semicolon")
        await until(pilot, lambda: len(form.query(".jump")) == len(shown))
        await pilot.press(text.letter)
        await until(pilot, lambda: field.has_focus and not form.query(".jump"))
        before = field.value
        await pilot.press("end", "semicolon")
        await until(pilot, lambda: field.value == f"{before};")
        await pilot.press("backspace", "ctrl+g")
        await until(pilot, lambda: len(form.query(".jump")) == len(shown))
        await pilot.press(choice.letter)
        await until(pilot, lambda: choice.widget.has_focus)
        assert field.value == before
        await pilot.press(
            "question_mark", "semicolon", "escape", "escape"
        )  # the letters first, then the form
        await until(pilot, lambda: not on(pilot, LaunchDialog))


async def test_a_prompt_of_one_field_is_no_worse_for_it(
    stocked: Store, opened: Any, look: Any, until: Any
) -> None:
    """Its field has the one letter there is."""
    async with opened(stocked.root) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "dialogues")
        await pilot.press("a")
        await until(pilot, lambda: on(pilot, Prompt))
        await pilot.press("ctrl+g", "a", "x", "semicolon")
        field = pilot.app.screen.query_one(Input)
        await until(pilot, lambda: field.value == "x;")


async def test_a_letter_that_stands_nowhere_changes_nothing_and_is_no_key(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "first-try")
        screen = pilot.app.screen
        before = screen.focused
        await pilot.press("semicolon", "x")
        await until(pilot, lambda: not screen.query(".jump"))
        assert screen.focused is before
        assert "Cancel" not in look(pilot)


async def test_a_place_is_marked_and_gone_back_to_in_another_session(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "first-try")
        pilot.app.screen.query_one(LiveTable).move_to("r2")
        await pilot.press("quotation_mark")
        await until(pilot, lambda: on(pilot, LetterLine))
        await look.wait(pilot, "a letter that marks runs r2")
        await pilot.press("a")
        await look.wait(pilot, "a marks runs r2")
        await pilot.press("3")
        await look.wait(pilot, "dialogues")
        await pilot.press("enter", "j", "j")
        await until(pilot, lambda: pilot.app.screen.query_one(RowGrid).position == 2)
        await pilot.press("quotation_mark", "B")
        await look.wait(pilot, "B marks datasets dialogues, row 2")
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "first-try")
        await pilot.press("apostrophe")
        await look.wait(pilot, "B  datasets dialogues, row 2")
        await pilot.press("B")
        await until(pilot, lambda: pilot.app.current_mode == "datasets")
        await until(pilot, lambda: pilot.app.screen.query_one(RowGrid).position == 2)
        assert pilot.app.screen.query_one(RowGrid).has_focus
        await pilot.press("apostrophe", "a")
        await until(pilot, lambda: pilot.app.current_mode == "runs")
        assert pilot.app.screen.query_one(LiveTable).cursor_key == "r2"


async def test_a_row_of_an_evaluation_is_marked(worked: Store, opened: Any, look: Any, until: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("tab", "j", "j")
        reading = pilot.app.screen.query_one("Reading")
        await until(pilot, lambda: reading.row == 2)
        await pilot.press("quotation_mark", "e")
        await look.wait(pilot, "row 2")
        await pilot.press("g", "1")
        await until(pilot, lambda: pilot.app.current_mode == "runs")
        await pilot.press("apostrophe", "e")
        await until(pilot, lambda: pilot.app.current_mode == "inspect" and reading.row == 2)


async def test_a_mark_of_nothing_and_of_what_is_gone_are_told(worked: Store, opened: Any, look: Any) -> None:
    gone = {"mode": "models", "key": "tinny", "row": None}
    document = {"version": VERSION, "commands": [], "marks": {"g": gone}}
    (worked.root / FILE).write_text(json.dumps(document))
    async with opened(worked.root) as pilot:
        await pilot.press("apostrophe", "z")
        await look.wait(pilot, "no place is marked with 'z'")
        await pilot.press("apostrophe", "g")
        await look.wait(pilot, "no model named 'tinny'")
        assert pilot.app.current_mode == "runs"


@pytest.mark.parametrize("arguments", [(), ("--ascii",)])
def test_the_letters_are_drawn_with_few_bytes(
    terminal: Any, store: Store, arguments: tuple[str, ...]
) -> None:
    run = store.runs.create(
        name="dialogue-lora", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    store.runs.request(run.id, "cancel")
    opened = terminal(store.root, *arguments, environment={"NO_COLOR": "1"})
    opened.wait_for("ended before its first loss", 60)
    opened.read_for(2)
    opened.press(";")
    drawn = opened.read_for(2)
    assert any(re.search(r"^.[a-z] log ", line) for line in opened.lines)
    assert len(drawn) < 1_000
    opened.press("\x1b")
    drawn = opened.read_for(2)
    assert not any(re.search(r"^.[a-z] log ", line) for line in opened.lines)
    assert len(drawn) < 1_000
