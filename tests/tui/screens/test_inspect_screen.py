"""Stories of the Inspect screen."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from store import Store
from store.evaluations import EvaluationRow
from workbench import evaluating, processes
from workbench.evaluation.row_scores import by_frequency
from workbench.tui.screens import scoring
from workbench.tui.widgets.form import Form
from workbench.tui.widgets.token_view import TokenView


def styles(pilot: Any, selector: str) -> list[tuple[str, str]]:
    view = pilot.app.screen.query(selector).last(TokenView)
    return [(token.text.strip(), token.style_class) for token in view.tokens]


async def enter(pilot: Any, look: Any, path: Path) -> None:
    await look.wait(pilot, "A JSONL file:")
    pilot.app.screen.query_one(Input).value = str(path)  # pasted
    await pilot.press("enter")


async def test_an_empty_store_says_what_to_do_next(store: Store, opened: Any, look: Any) -> None:
    async with opened(store.root, size=(80, 24)) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "Press e to let a base and its adapters answer")
        await pilot.press("e")
        await look.wait(pilot, "an evaluation needs a model")


async def test_an_evaluation_opens_on_its_rows_and_the_answers_word_by_word(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "base, first-try")
        await look.wait(pilot, "4 rows, ROUGE-1, in order")
        await look.wait(pilot, "+0.750")
        await pilot.press("tab", "j")
        await look.wait(pilot, "David brings the bread.")
        assert ("the", "matched") in styles(pilot, ".prediction")
        assert ("party", "missed") in styles(pilot, ".reference")
        await look.wait(pilot, "4 of the prediction's 4 words matched")


async def test_the_metric_is_switched_with_one_key(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("m")
        await look.wait(pilot, "ROUGE-2 0.000 · P 0.000 R 0.000")
        await look.wait(pilot, "4 rows, ROUGE-2")
        await pilot.press("m")
        await look.wait(pilot, "4 rows, ROUGE-L")


async def test_rows_are_sorted_by_any_column_and_by_the_difference(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        rows = pilot.app.screen.query_one("Reading")
        await pilot.press("x")
        await look.wait(pilot, "most gain first")
        assert rows.keys == (3, 0, 2, 1)
        await pilot.press("tab", "s")
        await look.wait(pilot, "most base first")
        assert rows.keys[-1] == 3
        await pilot.press("s")
        await look.wait(pilot, "least base first")
        assert rows.keys[0] == 3
        await pilot.press("s")
        await look.wait(pilot, "in order")


async def test_rows_are_sorted_by_a_signal(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("tab", *["l"] * 12, "s")
        await look.wait(pilot, "most repetition base")
        assert pilot.app.screen.query_one("Reading").keys[0] == 2  # a map a map a map a map


async def test_a_text_is_looked_for_in_the_rows(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("tab", "slash", *"ticke?ts", "enter")
        await look.wait(pilot, "1 row, ROUGE-1")
        assert pilot.app.screen.query_one("Reading").keys == (3,)
        await pilot.press("escape")
        await look.wait(pilot, "4 rows, ROUGE-1")


async def test_bleu_is_read_by_its_orders_with_what_words_cost(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("tab", "j", "M")
        await look.wait(pilot, "BLEU-4")
        await pilot.press("M", "M")
        await look.wait(pilot, "BLEU-2 1 of 4")
        assert styles(pilot, ".prediction")[:3] == [
            ("David", "matched"),
            ("brings", "matched"),
            ("the", "novel"),
        ]
        await pilot.press("enter")
        await look.wait(pilot, "nats")


async def test_the_overview_tells_how_scores_are_spread(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("v")
        await look.wait(pilot, "ROUGE-1 of 4 rows")
        await look.wait(pilot, "mean ROUGE-1 by words of the reference")
        await look.wait(pilot, "words recalled")
        await pilot.press("escape")
        await look.wait(pilot, "answer, bars")


async def test_an_overview_is_shown_while_words_are_still_counted(
    worked: Store, opened: Any, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the words of a system, which no metric changes, are counted once."""
    go_on, counted = threading.Event(), []

    def held_up(pairs: Any) -> list[Any]:
        go_on.wait(30)
        counted.append(1)
        return by_frequency(pairs)

    monkeypatch.setattr(scoring, "by_frequency", held_up)
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("v")
        await look.wait(pilot, "being counted")
        await look.wait(pilot, "mean ROUGE-1 by words of the reference")
        await pilot.press("escape")
        go_on.set()
        await look.wait(pilot, "answer, bars")
        await pilot.press("v")
        await look.wait(pilot, "of 4 rows")
        while "being counted" in look(pilot):
            await pilot.pause(0.02)
        await look.wait(pilot, "words recalled")
        await pilot.press("m")
        await look.wait(pilot, "ROUGE-2 of 4 rows")
        await look.wait(pilot, "words recalled")
    assert len(counted) == 2, "once for each system, whatever is shown"


async def test_answers_of_a_running_evaluation_appear_as_they_come(
    worked: Store, opened: Any, look: Any
) -> None:
    made = worked.evaluations.create(
        model="tiny",
        adapter=None,
        dataset="dialogues",
        split="test",
        template="summarise",
        total=3,
        settings={},
    )
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "No row is answered yet.")
        worked.evaluations.append(made.id, [EvaluationRow(0, "Ask", "a map", ("the map",), None)])
        await look.wait(pilot, "1 row, ROUGE-1")
        worked.evaluations.append(made.id, [EvaluationRow(2, "Ask", "a boat", ("the boat",), None)])
        await look.wait(pilot, "2 rows, ROUGE-1")


def interrupted(store: Store, **changed: Any) -> str:
    """Enter an evaluation of three rows that has come to one; returns its group."""
    settings = {
        "max_new_tokens": 4,
        "temperature": 0.0,
        "top_p": 1.0,
        "seed": 0,
        "variant": None,
        "model_fingerprint": store.models.get("tiny").fingerprint,
        "adapter_fingerprint": None,
        "dataset_fingerprint": store.datasets.get("dialogues").fingerprint,
        "template_hash": store.templates.get("summarise").hash,
    }
    made = store.evaluations.create(
        model="tiny",
        adapter=None,
        dataset="dialogues",
        split="test",
        template="summarise",
        total=3,
        settings=settings | changed,
    )
    store.evaluations.append(made.id, [EvaluationRow(1, "Ask", "kept", ("the map",), None)])
    store.evaluations.interrupt(made.id, "it was interrupted")
    return made.group


async def test_an_interrupted_evaluation_goes_on_with_one_key(worked: Store, opened: Any, look: Any) -> None:
    """With its process, which takes some seconds to begin: what was answered stays, what lacks comes."""
    group = interrupted(worked)
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "it was interrupted; r goes on with it")
        await look.wait(pilot, "1 row, ROUGE-1")
        await pilot.press("r")
        await look.wait(pilot, f"going on with {group} on dialogues")
        await pilot.press("r")
        await look.wait(pilot, "this evaluation goes on already")
        await look.wait(pilot, "3 rows, ROUGE-1", seconds=60)
        await look.wait(pilot, "3/3", seconds=60)
        while "going on with" in look(pilot):
            await pilot.pause(0.05)
        await pilot.press("r")
        await look.wait(pilot, "this evaluation is completed")
    (ended,) = worked.evaluations.list(group)
    assert (ended.status, worked.evaluations.rows(ended.id)[1].prediction) == ("completed", "kept")


async def test_why_an_evaluation_cannot_go_on_is_told(worked: Store, opened: Any, look: Any) -> None:
    group = interrupted(worked, template_hash="another")
    (each,) = worked.evaluations.list(group)
    worked.evaluations.begin(each.id)
    lock = processes.HeldLock.take(evaluating.lock_path(worked.root, group))
    assert lock is not None
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "1 row, ROUGE-1")
        await pilot.press("r")
        await look.wait(pilot, "this evaluation is being answered")
        lock.release()
        worked.evaluations.interrupt(each.id, "its process ended")
        await look.wait(pilot, "its process ended")
        await pilot.press("r")
        await look.wait(pilot, "the template of evaluation e3 changed")


async def test_the_cursor_on_a_word_lights_its_partner(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        await pilot.press("tab", "enter")
        prediction = pilot.app.screen.query(".prediction").first(TokenView)
        assert prediction.has_focus
        await pilot.press("G", "h")
        await look.wait(pilot, "in the reference too")


async def test_a_narrow_screen_shows_the_answers_on_enter_and_the_rows_on_escape(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root, size=(80, 24)) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        assert "precision" not in look(pilot)
        await pilot.press("tab", "enter")
        await look.wait(pilot, "BLEU 100.0")
        assert "4 rows" not in look(pilot)
        await pilot.press("escape")
        await look.wait(pilot, "4 rows")


async def test_a_file_of_predictions_opens_without_an_evaluation(
    store: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    file = tmp_path / "said.jsonl"
    row = {"prediction": "cold cold cold cold", "reference": "it is cold outside"}
    file.write_text(json.dumps(row) + "\n")
    async with opened(store.root) as pilot:
        await pilot.press("7", "o")
        await enter(pilot, look, file)
        await look.wait(pilot, "said.jsonl")
        await look.wait(pilot, "repeats of 'cold'")
        assert [style for _, style in styles(pilot, ".prediction")].count("clipped") == 3


async def test_a_broken_file_is_told_by_line(store: Store, opened: Any, look: Any, tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text('{"prediction": "x", "reference": "y"}\nnonsense\n')
    async with opened(store.root) as pilot:
        await pilot.press("7", "o")
        await enter(pilot, look, file)
        await look.wait(pilot, "line 2 is not JSON")


async def test_the_form_asks_for_the_newest_adapter_on_the_data_it_was_made_for(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "base, first-try")
        await pilot.press("e")
        await look.wait(pilot, "limit")
        values = pilot.app.screen.query_one("Form").values()
        assert values == {
            "model": "tiny",
            "adapter": "first-try",
            "dataset": "dialogues",
            "split": "auto",
            "template": "summarise",
            "limit": 100,
            "variants": "in turn",
            "temperature": 0.0,
            "seeds": 1,
        }


async def test_the_form_offers_the_adapters_of_its_model_however_many_and_searches_them(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    columns = "model, model_fingerprint, method, peft_type, trainable, bytes, fingerprint, created"
    worked.db.conn.execute(
        f"""with recursive counted(n) as (select 0 union all select n + 1 from counted where n < 9999)
           insert into adapters (name, {columns}) select 'one-' || n, {columns}
           from counted, adapters where name = 'first-try'"""  # noqa: S608 (our own names)
    )
    worked.models.add(str(worked.models.get("tiny").path), name="other")
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "base, first-try")
        await pilot.press("e")
        await look.wait(pilot, "one-9999")
        form = pilot.app.screen.query_one(Form)
        await pilot.press("tab", "slash")
        await look.wait(pilot, "values")
        await pilot.press("slash", *"-777$", "enter")
        await until(pilot, lambda: "one-9998" not in look(pilot))
        await pilot.press("enter")
        await look.wait(pilot, "limit")
        assert (form.text("model"), form.text("adapter")) == ("tiny", "one-777")
        form.set_value("model", "other")
        await until(pilot, lambda: form.text("adapter") == "the base alone")
        assert form.problems() == {}
        form.set_value("model", "tiny")
        await look.wait(pilot, "one-9999")
        assert form.problems() == {}


async def test_an_evaluation_is_removed_and_taken_back(worked: Store, opened: Any, look: Any) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("7")
        await look.wait(pilot, "base, first-try")
        await pilot.press("d")
        await look.wait(pilot, "No evaluations yet.")
        assert worked.evaluations.list() == []
        await pilot.press("u")
        await look.wait(pilot, "base, first-try")


async def test_the_benchmarks_screen_lists_real_scores_and_leads_to_inspect(
    worked: Store, opened: Any, look: Any
) -> None:
    async with opened(worked.root) as pilot:
        await pilot.press("8")
        await look.wait(pilot, "0.914")
        assert "GLUE" in look(pilot)
        await pilot.press("enter")
        await look.wait(pilot, "evaluations")
        await look.wait(pilot, "+0.750")
