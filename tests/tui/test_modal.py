"""Dialogs answer once, leave on escape, and show hostile text as text."""

from __future__ import annotations

from typing import Any

import pytest
from textual.screen import ModalScreen

from workbench.tui.widgets.modal import Choose, Confirm, Notice, Prompt


async def answer(host: Any, dialog: ModalScreen[Any], *keys: str) -> tuple[Any, list[str]]:
    answers: list[Any] = []
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(dialog, answers.append)
        await pilot.pause()
        drawn = app.drawn()
        await pilot.press(*keys)
        await pilot.pause()
    return (answers[0] if answers else "open"), drawn


@pytest.mark.parametrize(("key", "answered"), [("y", True), ("enter", True), ("n", False), ("escape", False)])
async def test_a_question_is_answered_by_one_key(host: Any, key: str, answered: bool) -> None:
    got, drawn = await answer(host, Confirm("cancel r1?", "It cannot be taken up again."), key)
    assert got is answered
    assert "cannot be taken up" in "\n".join(drawn)


async def test_a_prompt_gives_the_text_and_refuses_a_wrong_one(host: Any) -> None:
    def check(text: str) -> str | None:
        return None if text == "good" else f"{text!r} is not good"

    got, _ = await answer(host, Prompt("name", "A name", check=check), *"goo", "enter", "d", "enter")
    assert got == "good"
    got, _ = await answer(host, Prompt("name", "A name", "x"), "escape")
    assert got is None


async def test_one_of_several_is_chosen_with_the_list_keys(host: Any) -> None:
    options = [("a", "Alpha"), ("b", "[red]Beta[/]"), ("c", "Gamma")]
    got, drawn = await answer(host, Choose("pick", options), "j", "enter")
    assert got == "b"
    assert "[red]Beta[/]" in "\n".join(drawn)


async def test_hostile_text_shows_as_text(host: Any) -> None:
    got, drawn = await answer(host, Notice("[b]t[/]", "[@click=app.quit]x[/]\x1b]0;y\x07\n[/oops]"), "escape")
    text = "\n".join(drawn)
    assert got is None
    assert "[b]t[/]" in text
    assert "[@click=app.quit]x[/]␛]0;y␇" in text
    assert "[/oops]" in text
