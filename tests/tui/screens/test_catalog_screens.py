"""Stories of the screens of the store: Models, Datasets, Compose and Adapters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from textual.widgets import Input, TextArea

from store import Store
from workbench.tui.widgets.token_view import TokenView


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


async def test_a_model_is_removed_only_after_a_yes(stocked: Store, opened: Any, look: Any) -> None:
    async with opened(stocked.root) as pilot:
        await pilot.press("2")
        await look.wait(pilot, "encoder-decoder")
        await pilot.press("d")
        await look.wait(pilot, "Remove tiny?")
        await pilot.press("n")
        assert len(stocked.models.list()) == 1
        await pilot.press("d", "y")
        await look.wait(pilot, "No models yet")


async def test_a_dataset_is_added_and_its_bad_lines_are_told(
    store: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.jsonl"
    file.write_text('{"text": "one"}\nnonsense\n{"text": "[bold]two\\u001b[2J"}\n')
    async with opened(store.root) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "No datasets yet")
        await add(pilot, look, file)
        await look.wait(pilot, "train, rows 0-1 of 2")
        await look.wait(pilot, "[bold]two␛[2J")
        await look.wait(pilot, "line 2")


async def test_rows_are_paged_by_split_and_opened_whole(
    stocked: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text("".join(json.dumps({"text": f"row number {at}"}) + "\n" for at in range(250)))
    stocked.datasets.add(many, name="a-many")
    async with opened(stocked.root) as pilot:
        await pilot.press("3")
        await look.wait(pilot, "train, rows 0-99 of 250")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await look.wait(pilot, "train, rows 200-249 of 250")
        await pilot.press("right_square_bracket")
        await look.wait(pilot, "there are no more rows that way")
        await pilot.press("j")
        await look.wait(pilot, "train, rows 0-23 of 24")
        await pilot.press("s")
        await look.wait(pilot, "test, rows 0-23 of 24")
        pilot.app.screen.query_one("#rows").focus()
        await pilot.press("j", "enter")
        await look.wait(pilot, "row 1 of test")


async def test_a_template_is_rendered_and_its_trained_tokens_are_told_apart(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "variant summary-of 1/2")
        await look.wait(pilot, "What is a summary of this dialogue?")
        tokens = pilot.app.screen.query_one(TokenView).tokens
        trained = "".join(token.text for token in tokens if token.style_class == "completion")
        assert trained == "Ben brings apples.</s>"
        await pilot.press("v")
        await look.wait(pilot, "In short: ")
        await pilot.press("right_square_bracket")
        await look.wait(pilot, "Clara brings bread.")


async def test_a_template_that_does_not_fit_its_rows_says_so_in_place(
    stocked: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"question": "x"}\n')
    stocked.datasets.add(other, name="a-other")
    async with opened(stocked.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "of dialogues train")
        await pilot.press("r")
        await look.wait(pilot, "take rows of")
        await pilot.press("enter")
        await look.wait(pilot, "'dialogue'")
        assert "prompt, not rendered" in look(pilot)


async def test_an_edited_template_is_saved_only_when_it_is_valid(
    stocked: Store, opened: Any, look: Any
) -> None:
    async with opened(stocked.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "variant summary-of")
        await pilot.press("e")
        await look.wait(pilot, "template summarise")
        area = pilot.app.screen.query_one(TextArea)
        good = area.text.replace("In short:", "Shortly:")
        area.load_text("name = ")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "mend the TOML")
        area.load_text(good)
        await pilot.press("escape")
        await look.wait(pilot, "not saved")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "summarise is saved")
        assert "Shortly:" in stocked.templates.text("summarise")


async def test_a_template_is_added_from_a_file(
    store: Store, opened: Any, look: Any, template_file: Path
) -> None:
    async with opened(store.root) as pilot:
        await pilot.press("4")
        await look.wait(pilot, "No templates yet")
        await add(pilot, look, template_file)
        await look.wait(pilot, "variant summary-of 1/2")
        assert store.templates.names() == ["summarise"]


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
