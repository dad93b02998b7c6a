"""Stories of the Compare screen; a server without a model speaks for the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.widgets import TextArea

from store import Store
from workbench.tui.present.compare import Speaker
from workbench.tui.screens.systems import Systems

ANSWERS = {None: "I do not know.", "first-try": "Ben brings apples."}


async def test_base_and_adapter_answer_a_row_of_the_test_split_side_by_side(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    server = fake_server(worked, ANSWERS)
    async with opened(worked.root, size=(80, 24)) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "row 0 of dialogues test  reference: Ben brings apples.")
        await pilot.press("a")
        await look.wait(pilot, "I do not know.")
        await look.wait(pilot, "3 tok · 6.0 tok/s")
        assert "4 tok · 8.0 tok/s" in look(pilot)
        assert "R1 1.000 · RL 1.000 · BLEU 100.0" in look(pilot)
        assert server.requests[0]["adapters"] == [None, "first-try"]
        assert server.requests[0]["prompts"] == [pilot.app.screen.query_one(TextArea).text]
        assert server.requests[0]["sampling"]["max_new_tokens"] == 64


async def test_a_run_is_compared_with_its_base_by_one_key(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(worked, ANSWERS)
    async with opened(worked.root) as pilot:
        await look.wait(pilot, "first-try")
        await pilot.press("G", "c")
        await look.wait(pilot, "I do not know.")
        await look.wait(pilot, "ROUGE-1 1.000")


async def test_only_the_marked_systems_answer_a_prompt_that_was_typed(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    server = fake_server(worked, ANSWERS)
    async with opened(worked.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "reference:")
        await pilot.press("g", "space", "p")
        pilot.app.screen.query_one(TextArea).clear()
        await pilot.press(*"hi 1")
        await pilot.press("escape", "a")
        await look.wait(pilot, "3 tok")
        assert server.requests[0]["adapters"] == ["first-try"]
        assert server.requests[0]["prompts"] == ["hi 1"]
        assert "ROUGE-1" not in look(pilot)


async def test_a_filter_over_who_answers_takes_nobody_marked_out_of_the_question(host: Any) -> None:
    systems = Systems()
    async with host(systems).run_test(size=(40, 11)):
        systems.open("base", [Speaker("first", "lora"), Speaker("second", "ia3")], [None, "second"])
        systems.filter_text = "first"
        assert systems.keys == ("first",)
        assert systems.chosen == [None, "second"]
        assert systems.chosen_adapters == ["second"]


async def test_the_next_row_brings_its_own_reference(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "row 0 of dialogues test")
        await pilot.press("]")
        await look.wait(pilot, "row 1 of dialogues test  reference: Clara brings bread.")


async def test_answers_grow_as_they_are_spoken_and_can_be_stopped(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    server = fake_server(worked, {None: "word " * 200, "first-try": "x"}, pace=0.03)
    async with opened(worked.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "reference:")
        await pilot.press("a")
        await look.wait(pilot, "word word word")
        assert "answering" in look(pilot)
        await pilot.press("x")
        await look.wait(pilot, "the answers were stopped")
        assert "word word word" in look(pilot)
        for _ in range(50):
            if server.cut_off:
                break
            await pilot.pause(0.05)
        assert server.cut_off


async def test_a_server_that_says_nothing_is_left_at_once(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    fake_server(worked, ANSWERS, pace=60)
    async with opened(worked.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "reference:")
        await pilot.press("a")
        await look.wait(pilot, "loading tiny")
        await pilot.press("x")
        await look.wait(pilot, "the answers were stopped")


async def test_an_error_of_the_server_stands_where_the_answers_would_with_the_remedy(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    # What stands for a key in our own sentences stays as it is in another's.
    error = {"kind": "BadInput", "what": "the prompt has 999 tokens", "remedy": "shorten it {key:app.quit}"}
    fake_server(worked, ANSWERS, error=error)
    async with opened(worked.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "reference:")
        await pilot.press("a")
        await look.wait(pilot, "the prompt has 999 tokens")
        assert "shorten it {key:app.quit}" in look(pilot)


async def test_why_nobody_can_be_asked_is_said(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "reference:")
        await pilot.press("g", "space", "space", "a")
        await look.wait(pilot, "nobody is marked")
        await pilot.press("x")
        await look.wait(pilot, "nobody is answering")


async def test_without_a_model_the_screen_says_where_to_get_one(store: Store, opened: Any, look: Any) -> None:
    async with opened(store.root, size=(80, 24)) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "press 2")


async def test_sampling_is_set_in_a_form_and_asked_for(
    worked: Store, opened: Any, look: Any, fake_server: Callable[..., Any]
) -> None:
    server = fake_server(worked, ANSWERS)
    async with opened(worked.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "reference:")
        await pilot.press("s")
        await look.wait(pilot, "max_new_tokens")
        form = pilot.app.screen.query_one("Form")
        form.set_value("max_new_tokens", 9)
        form.set_value("temperature", 0.5)
        await pilot.press("ctrl+s")
        await look.wait(pilot, "at most 9 tokens, temperature 0.5, seed 0")
        await pilot.press("a")
        await look.wait(pilot, "ROUGE-1 1.000")
        assert server.requests[0]["sampling"]["temperature"] == 0.5
