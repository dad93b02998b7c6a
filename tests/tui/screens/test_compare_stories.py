"""Longer stories of the Compare screen: tokens, many columns, lost servers, idle adapters."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import tiny_models
from textual.widgets import TextArea

from store import Store
from workbench.tui.screens.answers import Answers, Grid, grid
from workbench.tui.screens.systems import Systems
from workbench.tui.widgets.answer_view import AnswerView

LONG = " ".join(f"word{number}" for number in range(120))
ANSWERS = {
    None: "I do not know.",
    "first-try": "Ben brings apples.",
    "second": "Ben brings bread.",
    "third": "I do not know.",
}


async def arrive(pilot: Any, look: Any, *, ask: bool = False) -> None:
    """Go to the screen, wait for its first row, and ask where that is wanted."""
    await pilot.press("6")
    await look.wait(pilot, "reference:")
    if ask:
        await pilot.press("a")


async def mark_all(pilot: Any) -> None:
    """Mark the two adapters that are not marked from the beginning."""
    await pilot.press("g", "j", "j", "space", "space")


def columns(pilot: Any) -> list[AnswerView]:
    return [view for view in pilot.app.screen.query(AnswerView) if view.display]


async def test_the_next_blind_question_stays_blind_however_soon_it_is_asked(
    fleet: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(fleet, ANSWERS)
    async with opened(fleet.root) as pilot:
        await arrive(pilot, look)
        await pilot.press("b", "a")
        await look.wait(pilot, "Which is better?")
        await pilot.press("v", "n")
        await look.wait(pilot, "row 1 of")
        await look.wait(pilot, "Which is better?")
        assert [str(view.border_title) for view in columns(pilot)] == ["A", "B"]
    assert len(fleet.preferences.list()) == 1


async def test_answers_to_another_row_do_not_stand_beside_this_one(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(worked, ANSWERS)
    async with opened(worked.root) as pilot:
        await arrive(pilot, look, ask=True)
        await look.wait(pilot, "I do not know.")
        await pilot.press("]")
        await look.wait(pilot, "Press a to let it answer.")
        assert "I do not know." not in look(pilot)


def test_nine_columns_find_room_where_there_is_some() -> None:
    assert grid(9, 160, 26, 0, 0) == Grid(5, 2, 0)
    assert grid(4, 160, 26, 0, 0) == Grid(4, 1, 0)
    assert grid(9, 80, 11, 0, 8) == Grid(3, 1, 6)
    assert grid(9, 80, 11, 6, 7) == Grid(3, 1, 6)
    assert grid(9, 80, 11, 6, 2) == Grid(3, 1, 2)
    assert grid(2, 10, 5, 0, 1) == Grid(1, 1, 1)
    assert grid(0, 0, 0, 0, 0) == Grid(1, 1, 0)


async def test_tokens_are_coloured_by_their_chance_and_tell_their_alternatives(
    fleet: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    chances = {None: (0.99,), "third": (0.95, 0.6, 0.04, 0.2)}
    server = fake_server(fleet, ANSWERS, chances=chances)
    async with opened(fleet.root) as pilot:
        await arrive(pilot, look, ask=True)
        await look.wait(pilot, "chances differ by 95.0%")
        assert server.requests[0]["sampling"]["alternatives"] > 0
        await pilot.press("d", "tab", "tab", "tab", "l", "l")
        await look.wait(pilot, "token 3 of 4  ␣not 4.0 % unlikely")
        assert "instead  ␣other 48.0 % · ↵ 24.0 %" in look(pilot)
        styles = [mark.style for mark in columns(pilot)[1].page.marks]
        assert styles == ["$success", "bold underline $error", "underline $warning"]
        await pilot.press("d")
        await pilot.pause(0.2)
        assert "token 3" not in look(pilot)


async def test_a_server_that_tells_no_chances_says_so(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(worked, ANSWERS)
    async with opened(worked.root) as pilot:
        await arrive(pilot, look, ask=True)
        await look.wait(pilot, "tok/s")
        await pilot.press("d", "tab", "tab")
        await look.wait(pilot, "this server tells no probabilities")


async def test_columns_scroll_together_and_words_that_differ_are_told(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(worked, {None: LONG, "first-try": LONG.replace("word7 ", "other ")})
    async with opened(worked.root, size=(80, 24)) as pilot:
        await arrive(pilot, look, ask=True)
        await look.wait(pilot, "1 of 120 words new, 1 missing")
        assert "word119" in look(pilot)
        await pilot.press("tab", "tab", "g")
        await pilot.pause(0.1)
        assert [view.top for view in columns(pilot)] == [0, 0]
        await pilot.press("j", "j", "j")
        await pilot.pause(0.1)
        assert [view.top for view in columns(pilot)] == [3, 3]
        marked = columns(pilot)[1].page
        assert [marked.text[mark.start : mark.end] for mark in marked.marks] == ["other"]
        await pilot.press("c")
        await look.wait(pilot, "120 tok")
        assert "compared with" not in look(pilot) and columns(pilot)[1].page.marks == ()
        await pilot.press("l", "c")
        await pilot.pause(0.1)
        page = columns(pilot)[0].page
        assert [page.text[mark.start : mark.end] for mark in page.marks] == ["word7"]


async def test_columns_that_find_no_room_are_reached_and_one_can_be_read_alone(
    fleet: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(fleet, ANSWERS)
    async with opened(fleet.root, size=(80, 24)) as pilot:
        await arrive(pilot, look)
        await mark_all(pilot)
        await pilot.press("a")
        await look.wait(pilot, "base tiny  1 of 4")
        assert len(columns(pilot)) == 3
        await pilot.press("tab", "tab", "l", "l", "l")
        await look.wait(pilot, "4 of 4")
        assert "1 of 4" not in look(pilot)
        await pilot.press("o")
        await pilot.pause(0.1)
        assert len(columns(pilot)) == 1
        await pilot.press("h")
        await pilot.pause(0.1)
        assert "3 of 4" in look(pilot) and "4 of 4" not in look(pilot)
        await pilot.press("o")
        await pilot.pause(0.1)
        assert len(columns(pilot)) == 3


async def test_an_answer_comes_back_when_its_mark_does(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(worked, ANSWERS)
    async with opened(worked.root) as pilot:
        await arrive(pilot, look, ask=True)
        await look.wait(pilot, "I do not know.")
        await pilot.press("g", "space")
        await pilot.pause(0.2)
        assert "I do not know." not in look(pilot) and "BLEU 100.0" in look(pilot)
        await pilot.press("g", "space")
        await look.wait(pilot, "I do not know.")


async def test_a_lost_server_is_told_and_the_answers_begin_anew(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    server = fake_server(worked, {None: LONG, "first-try": LONG}, pace=0.03, ends=1)
    async with opened(worked.root) as pilot:
        await arrive(pilot, look, ask=True)
        await look.wait(pilot, "120 tok", 20)
        assert len(server.requests) == 2
        answers = pilot.app.screen.query_one(Answers).answers
        assert [answer.text for answer in answers] == [LONG, LONG]


async def test_a_server_that_is_lost_again_and_again_is_given_up(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    server = fake_server(worked, {None: LONG, "first-try": LONG}, ends=9)
    async with opened(worked.root) as pilot:
        await arrive(pilot, look, ask=True)
        await look.wait(pilot, "4 times in 60 s")
        assert len(server.requests) == 4
        assert "its log is" in look(pilot)
        server.ends = 0
        await pilot.press("a")  # nothing hangs: it can be asked again
        await look.wait(pilot, "120 tok")


async def test_an_adapter_that_does_nothing_is_told_with_what_may_be_the_reason(
    fleet: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    chances = dict.fromkeys(ANSWERS, (0.9, 0.4))
    fake_server(fleet, ANSWERS, chances=chances, notes=("third: all of its lora_B weights are zero",))
    async with opened(fleet.root) as pilot:
        await arrive(pilot, look)
        await mark_all(pilot)
        await pilot.press("a")
        await look.wait(pilot, "third has no effect: words and probabilities are the base's.")
        assert "third: all of its lora_B weights are zero" in look(pilot)
        assert "Its weights are those of second." in look(pilot)
        assert "second has no effect" not in look(pilot)
        await pilot.press("n")
        await look.wait(pilot, "on all 2 prompts")


async def test_rows_are_stepped_through_by_any_template_that_fits(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "row 0 of dialogues test")
        await pilot.press("[")
        await look.wait(pilot, "row 23 of dialogues test")
        await pilot.press("t")
        await look.wait(pilot, "Row, from 0 to 23")
        await pilot.press("5", "enter")
        await look.wait(pilot, "row 5 of dialogues test")
        await pilot.press("r")
        await look.wait(pilot, "dialogues train, summarise")
        await pilot.press("j", "enter")
        await look.wait(pilot, "row 0 of dialogues train")
        await pilot.press("]")
        await look.wait(pilot, "row 1 of dialogues train")


async def test_a_typed_prompt_comes_back_from_the_history(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(worked, ANSWERS)
    async with opened(worked.root) as pilot:
        await arrive(pilot, look)
        await pilot.press("p")
        pilot.app.screen.query_one(TextArea).clear()
        await pilot.press(*"hello", "escape", "a")
        await look.wait(pilot, "tok/s")
        await pilot.press("]")
        await look.wait(pilot, "reference:")
        await pilot.press("H")
        await look.wait(pilot, "earlier prompts")
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert pilot.app.screen.query_one(TextArea).text == "hello"
        assert "reference:" not in look(pilot)
    assert worked.prompts.list() == ["hello"]


async def test_a_live_runs_newest_checkpoint_is_tried_by_one_key(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any], checkpoint: Callable[..., None]
) -> None:
    run = next(run for run in worked.runs.list() if run.name == "second-try")
    checkpoint(worked, run.id, 20)
    server = fake_server(worked, {None: "no", f"{run.id}@20": "Ben brings apples."})
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("c")
        await look.wait(pilot, "BLEU 100.0")
        assert server.requests[0]["adapters"] == [None, f"{run.id}@20"]
        assert f"{run.id}@latest" in look(pilot)
        assert "step 20 of" in look(pilot)


async def test_a_run_without_a_checkpoint_says_what_makes_one(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "second-try")
        await pilot.press("c")
        await look.wait(pilot, "has no checkpoint to try")


async def test_an_adapter_that_is_dropped_into_the_inbox_can_be_marked(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await arrive(pilot, look)
        folder = worked.root / "inbox" / "dropped"
        folder.mkdir()
        config = {"peft_type": "LORA", "task_type": "SEQ_2_SEQ_LM", "r": 2, "lora_alpha": 4}
        config |= {"target_modules": ["q"], "base_model_name_or_path": "tiny"}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        at = "base_model.model.encoder.block.0.layer.0.SelfAttention.q"
        width = tiny_models.WIDTH
        shapes = {f"{at}.lora_A.weight": (2, width), f"{at}.lora_B.weight": (width, 2)}
        tensors = {name: tiny_models.random_tensor(shape, random.Random(0)) for name, shape in shapes.items()}
        tiny_models.write_safetensors(folder / "adapter_model.safetensors", tensors)
        await look.wait(pilot, "dropped came in as the adapter dropped", 15)
        await pilot.pause(0.5)
        assert "dropped" in pilot.app.screen.query_one(Systems).keys
