"""An evaluation: a process answers a split with base and adapters, keeps every answer, and scores them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from store import Store
from store.errors import Unavailable
from workbench.composing.masking import load_codec, prompt_ids
from workbench.composing.template import Composer
from workbench.evaluating import EvaluationOptions, evaluate
from workbench.evaluation.report import corpus_scores
from workbench.evaluation.row_scores import fill
from workbench.worker import evaluate as worker
from workbench.worker.engine import Engine, Piece
from workbench.worker.loading import load_tokenizer
from workbench.worker.questions import Question

SETTINGS = {"max_new_tokens": 4, "temperature": 0.0, "top_p": 1.0, "seed": 0, "variant": None}
TEMPLATE = """
name = "summarise"
task = "dialogue summarisation"
[[variants]]
name = "plain"
prompt = "Summarise this dialogue in one sentence: {{ dialogue }}"
completion = "{{ summary }}"
[[variants]]
name = "question"
prompt = "{{ dialogue }} Question: What is a summary of the text? Answer:"
completion = "{{ summary }}"
"""


@pytest.fixture
def furnished(
    store: Store,
    tiny_seq2seq: Path,
    dialogue_file: Path,
    tmp_path: Path,
    make_adapter: Callable[[Path, Path, Any, int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Store:
    """A store with a base, an adapter, a spoiled adapter, a dataset and a template of two variants."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    store.models.add(str(tiny_seq2seq), name="tiny")
    config = LoraConfig(task_type="SEQ_2_SEQ_LM", r=4, target_modules=["q", "v"])
    made = make_adapter(tiny_seq2seq, tmp_path / "chat", config, 1)
    store.adapters.add(made, name="chat", model="tiny")
    weights = load_file(made / "adapter_model.safetensors")
    weights[sorted(weights)[0]][0, 0] = torch.nan
    save_file(weights, made / "adapter_model.safetensors")
    store.adapters.add(made, name="spoiled", model="tiny")
    store.datasets.add(str(dialogue_file), name="dialogues", split="test")
    (tmp_path / "t.toml").write_text(TEMPLATE)
    store.templates.add(tmp_path / "t.toml", name="summarise")
    return store


def test_every_row_is_answered_as_plain_peft_would_and_scored(
    furnished: Store,
    dialogue_rows: list[dict[str, str]],
    plain_answer: Callable[[Path, Path | None, list[int], int], list[int]],
) -> None:
    progress: list[tuple[int, int]] = []
    base, chat = evaluate(
        furnished.root,
        EvaluationOptions("tiny", (None, "chat"), "dialogues", "summarise", limit=20),
        on_progress=lambda done, total: progress.append((done, total)),
    )
    assert (base.adapter, chat.adapter) == (None, "chat")
    assert base.group == chat.group
    record, adapter = furnished.models.get("tiny"), furnished.adapters.get("chat")
    template, codec = furnished.templates.get("summarise"), load_codec(record.path, record.family)
    tokenizer = load_tokenizer(record)
    for evaluation, path in ((base, None), (chat, adapter.path)):
        assert (evaluation.status, evaluation.rows, evaluation.total) == ("completed", 20, 20)
        assert (evaluation.split, evaluation.settings["max_new_tokens"]) == ("test", 128)
        rows = furnished.evaluations.rows(evaluation.id)
        assert [row.index for row in rows] == list(range(20))
        for row in rows:
            example = Composer(template, 0).example(row.index, dialogue_rows[row.index])
            assert (row.prompt, row.references) == (
                example.asked(causal=record.family == "causal", chat=False),
                (example.completion,),
            )
            assert row.source == dialogue_rows[row.index]["dialogue"]
        for row in rows[:20:6]:
            ids = plain_answer(record.path, path, prompt_ids(row.prompt, codec), 128)
            assert row.prediction == tokenizer.decode(ids, skip_special_tokens=True)
        assert evaluation.scores == corpus_scores((row.prediction, row.references) for row in rows)
    assert {row.prompt[:9] for row in furnished.evaluations.rows(base.id)} > {"Summarise"}
    assert progress[-1] == (40, 40)
    assert progress == sorted(progress)


def test_an_answer_that_copies_what_was_asked_is_told_by_its_signal(
    furnished: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as for `workbench score` with a source; the instruction is none."""
    said = [row["dialogue"] for row in furnished.datasets.rows("dialogues", "test", limit=3)]
    said[1] = "Summarise this dialogue in one sentence"

    def say(_: Any, batch: list[Question]) -> list[Piece]:
        return [Piece(row, "", said[question.index]) for row, question in enumerate(batch)]

    monkeypatch.setattr("workbench.worker.evaluate._Work._speak", say)
    group = enter(furnished, [None], settings=SETTINGS | {"variant": "plain"})
    assert worker.main(furnished.root, group) == 0
    fill(furnished, ["e1"])
    found = furnished.row_scores.page(["e1"], range(3))
    assert [each.scores[0] and each.scores[0]["copying"] for each in found] == [1.0, 0.0, 1.0]


def described(adapter: str | None, **changes: Any) -> dict[str, Any]:
    known = {"model": "tiny", "dataset": "dialogues", "split": "test", "template": "summarise", "total": 3}
    return known | {"adapter": adapter, "settings": SETTINGS} | changes


def enter(store: Store, adapters: list[str | None], **changes: Any) -> str:
    """Enter evaluations as the client does, for a worker in this process."""
    group = None
    for adapter in adapters:
        group = store.evaluations.create(group, **described(adapter, **changes)).group
    assert group is not None
    return group


def test_a_bad_adapter_fails_alone(furnished: Store) -> None:
    group = enter(furnished, [None, "spoiled", "chat"])
    assert worker.main(furnished.root, group) == 1
    base, spoiled, chat = furnished.evaluations.list(group)
    assert [each.status for each in (base, spoiled, chat)] == ["completed", "failed", "completed"]
    assert "'spoiled': it has weights that are not numbers" in str(spoiled.error)


def test_one_whose_scores_are_no_numbers_fails_alone_among_those_it_was_asked_with(
    furnished: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such an adapter loads, and is found out only in the middle of a batch; nothing is asked twice."""
    speak, asked = Engine.speak, []
    monkeypatch.setattr(Engine, "speak", lambda *given: asked.append(len(given[1])) or speak(*given))
    folder = shutil.copytree(furnished.adapters.get("chat").path, tmp_path / "loud")
    weights = load_file(folder / "adapter_model.safetensors")
    huge = {name: torch.full_like(weight, 1e38) for name, weight in weights.items()}
    save_file(huge, folder / "adapter_model.safetensors")
    furnished.adapters.add(folder, name="loud", model="tiny")
    group = enter(furnished, [None, "loud", "chat"])
    assert worker.main(furnished.root, group) == 1
    base, loud, chat = furnished.evaluations.list(group)
    assert [each.status for each in (base, loud, chat)] == ["completed", "failed", "completed"]
    assert "scores are not numbers" in str(loud.error)
    assert (base.rows, loud.rows, chat.rows) == (3, 0, 3)
    assert asked == [9]


def test_what_is_drawn_depends_on_row_and_seed_and_not_on_the_batch(furnished: Store) -> None:
    """Answers of several systems, seeds and variants together are those of each alone."""

    def answers(identifier: str) -> list[str]:
        return [row.prediction for row in furnished.evaluations.rows(identifier)]

    warm = SETTINGS | {"temperature": 1.0}
    ways: list[dict[str, Any]] = [warm, warm | {"seed": 1}, SETTINGS | {"variant": "question"}]
    group = enter(furnished, [None, "chat"], settings=ways[0])
    for adapter in (None, "chat"):
        furnished.evaluations.create(group, **described(adapter, settings=ways[1]))
    assert worker.main(furnished.root, group) == 0
    together = [answers(each.id) for each in furnished.evaluations.list(group)]
    assert together[0] != together[2] and together[1] != together[3]
    alone = enter(furnished, ["chat"], settings=ways[1])
    assert worker.main(furnished.root, alone) == 0
    assert [answers(each.id) for each in furnished.evaluations.list(alone)] == together[3:]
    fixed = enter(furnished, [None], settings=ways[2])
    assert worker.main(furnished.root, fixed) == 0
    (evaluation,) = furnished.evaluations.list(fixed)
    rows = furnished.evaluations.rows(evaluation.id)
    assert all("Question: What is a summary" in row.prompt for row in rows)
    assert evaluation.settings["versions"]["torch"] == version("torch")
    assert all(row.tokens == 4 and row.truncated for row in rows)


def test_a_batch_that_has_no_room_is_answered_in_halves(
    furnished: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak, sizes = Engine.speak, []

    def cramped(engine: Engine, rows: Any, *others: Any) -> Any:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise MemoryError
        return speak(engine, rows, *others)

    monkeypatch.setattr(Engine, "speak", cramped)
    group = enter(furnished, [None, "chat"])
    assert worker.main(furnished.root, group) == 0
    assert [each.rows for each in furnished.evaluations.list(group)] == [3, 3]
    assert sizes == [6, 3, 1, 2, 3, 1, 2]


def test_rows_that_make_no_prompt_are_left_out_and_told(
    furnished: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"dialogue": f"Anna: {n}", "summary": "" if n == 1 else "Yes."} for n in range(3)]
    (tmp_path / "gaps.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    furnished.datasets.add(str(tmp_path / "gaps.jsonl"), name="gaps", split="test")
    group = enter(furnished, [None], dataset="gaps")
    assert worker.main(furnished.root, group) == 0
    (evaluation,) = furnished.evaluations.list(group)
    assert [row.index for row in furnished.evaluations.rows(evaluation.id)] == [0, 2]
    assert (evaluation.rows, evaluation.total) == (2, 3)
    assert "row 1 is left out: " in capsys.readouterr().err


def test_a_worker_that_cannot_begin_says_why(furnished: Store) -> None:
    """Whatever ends it is in the records: nothing is left running for ever."""
    group = enter(furnished, [None, "chat"], template="lost")
    assert worker.main(furnished.root, group) == 1
    assert all("lost" in str(each.error) for each in furnished.evaluations.list(group))
    weights = furnished.models.get("tiny").path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    group = enter(furnished, [None])
    assert worker.main(furnished.root, group) == 1
    assert [each.status for each in furnished.evaluations.list(group)] == ["failed"]


def test_a_failed_evaluation_is_an_error_for_who_asked(furnished: Store) -> None:
    with pytest.raises(Unavailable, match="'spoiled': it has weights that are not numbers") as told:
        evaluate(furnished.root, EvaluationOptions("tiny", ("spoiled",), "dialogues", "summarise", limit=2))
    assert "\n" not in str(told.value)
