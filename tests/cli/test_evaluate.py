"""`workbench evaluate` on evaluations of the store: listed, shown, compared, reported on, removed."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store import Store, evaluations, open_store
from store.evaluations import EvaluationRow
from workbench.cli.output import jsonable
from workbench.evaluation import comparison
from workbench.evaluation.report import corpus_scores, score_rows
from workbench.evaluation.rows import Row

REFERENCES = ("it is cold outside", "the cat sat on the mat", "Anna brings the bread")
ANSWERS = {
    (None, 0): ("cold cold cold cold", "a dog", "the bread"),
    ("chat", 0): ("it is cold outside", "the cat sat", "Anna brings bread"),
    (None, 1): ("outside", "the cat", "Anna"),
    ("chat", 1): ("it is cold", "the cat sat on a mat", "Anna brings the bread"),
}

Add = Callable[..., str]


@pytest.fixture
def stocked(root: Path) -> Iterator[Store]:
    """A store with one group: base and adapter, each by two seeds; e1 to e4."""
    with open_store(root) as store:
        group = None
        for (adapter, seed), answers in ANSWERS.items():
            group = add(store, group, adapter, seed, answers)
        yield store


def add(
    store: Store, group: str | None, adapter: str | None, seed: int, answers: tuple[str, ...], **more: Any
) -> str:
    """Add an evaluation as its process leaves it; an empty answer is a row that was left out."""
    wanted = {"model": "m", "dataset": "d", "split": "test", "template": "t", "total": 3} | more
    settings = {"seed": seed, "variant": None, "temperature": 0.7, "versions": {"torch": "2"}}
    made = store.evaluations.create(group, adapter=adapter, settings=settings, **wanted)
    pairs = enumerate(zip(answers, REFERENCES, strict=True))
    rows = [EvaluationRow(index, "?", text, (right,), None) for index, (text, right) in pairs if text]
    store.evaluations.append(made.id, rows)
    store.evaluations.finish(made.id, corpus_scores((row.prediction, row.references) for row in rows))
    return made.group


def test_evaluations_are_listed_with_their_state(workbench, stocked: Store) -> None:
    add(stocked, None, None, 0, ANSWERS[None, 0])
    stocked.evaluations.create(
        model="m", adapter=None, dataset="d", split="test", template="t", total=9, settings={}
    )
    found = workbench("evaluate", "list", "--json").document
    assert [each["id"] for each in found] == ["e6", "e5", "e4", "e3", "e2", "e1"]
    # Nothing answers it: it is not left standing as running.
    assert found[0]["status"] == "interrupted"
    text = workbench("evaluate", "list").out
    assert "interrupted" in text and "0 of 9" in text and "SEED" in text


def test_a_group_tells_mean_and_spread_of_each_system(workbench, stocked: Store) -> None:
    document = workbench("evaluate", "show", "g1", "--json").document
    assert [each["id"] for each in document["evaluations"]] == ["e1", "e2", "e3", "e4"]
    base, chat = document["systems"]
    values = [stocked.evaluations.get(each).scores["rouge1"] for each in ("e2", "e4")]
    assert (base["system"], chat["system"], chat["evaluations"]) == ("base", "chat", 2)
    mean = sum(values) / 2
    assert chat["scores"]["rouge1"]["mean"] == pytest.approx(mean, abs=1e-12)
    # Of two values, the sample deviation is their distance by the root of two.
    spread = abs(values[0] - values[1]) / 2**0.5
    assert chat["scores"]["rouge1"]["deviation"] == pytest.approx(spread, abs=1e-12)
    assert f"{mean:.4f} ±{spread:.4f}" in workbench("evaluate", "show", "g1").out


@pytest.mark.usefixtures("stocked")
def test_one_is_shown_with_all_scores_and_its_origin(workbench) -> None:
    document = workbench("evaluate", "show", "e1", "--json").document
    rows = [
        {"prediction": answer, "reference": right}
        for answer, right in zip(ANSWERS[None, 0], REFERENCES, strict=True)
    ]
    assert document["corpus"] == jsonable(score_rows(rows)["corpus"])
    assert document["id"] == "e1" and document["settings"]["versions"] == {"torch": "2"}
    text = workbench("evaluate", "show", "e1", "--metric", "chrf").out
    assert "torch 2" in text and "chrf" in text and "rouge1" not in text


def test_systems_are_compared_on_the_rows_that_both_answered(workbench, stocked: Store) -> None:
    add(stocked, "g1", "short", 0, ("", "the cat sat on the mat", "Anna"))
    found = workbench("evaluate", "show", "e5", "--against", "base", "--json").document
    assert (found["rows"], found["evaluations"]) == (2, {"baseline": ["e1"], "system": ["e5"]})
    # Rows keep the number that they have in their split: the first one was left out.
    assert set(found["deciding_rows"]) <= {"2", "3"}
    (verdict,) = found["scores"]["rouge1"]["verdicts"]
    assert verdict["difference"] > 0
    text = workbench("evaluate", "show", "e2", "--against", "e1").out
    assert "chat (e2) against base (e1), 3 rows" in text and "P BOOTSTRAP" in text
    # Of a group, the seeds of a system stand together against the base's.
    stocked.evaluations.remove("e5")
    found = workbench("evaluate", "show", "g1", "--against", "base", "--json").document
    assert found["evaluations"] == {"baseline": ["e1", "e3"], "system": ["e2", "e4"]}
    assert len(found["scores"]["rouge1"]["system_runs"]) == 2
    one = workbench("evaluate", "show", "g1", "--against", "e1", "--json").document["comparisons"]
    assert [each["evaluations"]["system"] for each in one] == [["e2"], ["e3"], ["e4"]]


def test_of_two_that_are_compared_a_page_of_rows_is_held_at_a_time(
    workbench, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever rows each of them lacks; those of the last page count as those of the first."""
    count, page, held = 60, 4, 0
    with open_store(root) as store:
        for step, said in ((1, "wrong"), (2, "right")):
            made = store.evaluations.create(
                model="m", adapter=None, dataset="d", split="test", template="t", total=count, settings={}
            )
            rows = [EvaluationRow(at, "?", f"{said} {at}", ("right",), None) for at in range(0, count, step)]
            store.evaluations.append(made.id, rows[step - 1 :])
            store.evaluations.finish(made.id, {})
        del rows
    monkeypatch.setattr(evaluations, "PAGE_ROWS", page)
    compare = comparison.compare

    def counting(pairs: Iterable[Any]) -> Iterator[Any]:
        nonlocal held
        for pair in pairs:
            alive = sum(type(each) in (EvaluationRow, Row) for each in gc.get_objects())
            held = max(held, alive)
            yield pair

    monkeypatch.setattr(comparison, "compare", lambda pairs, *rest: compare(counting(pairs), *rest))
    found = workbench("evaluate", "show", "e2", "--against", "e1", "--json").document
    assert found["rows"] == count // 2 - 1
    assert 0 < held <= 2 * 2 * page
    assert all(
        texts["system"] == [f"right {int(number) - 1}"] and int(number) % 2
        for number, texts in found["deciding_rows"].items()
    )
    assert found["deciding_rows"]


def test_what_cannot_be_compared_is_refused(workbench, stocked: Store) -> None:
    add(stocked, None, None, 0, ANSWERS[None, 0], split="validation")
    add(stocked, None, None, 0, ("", "", "Anna"))
    add(stocked, None, None, 0, ("cold", "", ""))
    for words, told in (
        (("e5", "--against", "e1"), "answered other data"),
        (("e2", "--against", "nobody"), "no 'nobody' in group g1"),
        (("e6", "--against", "e7"), "have no row in common"),
        (("e1", "--against", "base"), "e1 is base itself"),
        (("e9",), "no evaluation named 'e9'"),
        (("g1", "--report", "all.html"), "name one of e1, e2, e3, e4"),
        (("e1", "--report", "one.pdf"), "no report ends in '.pdf'"),
    ):
        answer = workbench("evaluate", "show", *words)
        assert answer.code == 1 and told in answer.error, answer


@pytest.mark.usefixtures("stocked")
def test_reports_are_written_from_the_store(workbench, tmp_path: Path) -> None:
    for name in ("one.md", "one.html", "one.json", "two.html", "two.json"):
        against = ("--against", "base") if name.startswith("two") else ()
        answer = workbench("evaluate", "show", "e2", *against, "--report", tmp_path / name)
        assert answer.code == 0, answer.err
    assert "Scores of chat (e2)" in (tmp_path / "one.md").read_text()
    assert "chat (e2) against base (e1), 3 rows" in (tmp_path / "two.html").read_text()
    assert json.loads((tmp_path / "one.json").read_text())["evaluation"]["id"] == "e2"
    assert json.loads((tmp_path / "two.json").read_text())["evaluations"]["baseline"] == ["e1"]


@pytest.mark.usefixtures("stocked")
def test_one_or_all_of_a_group_are_removed(workbench) -> None:
    assert workbench("evaluate", "remove", "e1", "--json").document == {"removed": ["e1"]}
    assert workbench("evaluate", "remove", "g1", "--json").document == {"removed": ["e2", "e3", "e4"]}
    assert workbench("evaluate", "list", "--json").document == []


def test_what_is_needed_is_told(workbench) -> None:
    answer = workbench("evaluate", "--model", "m")
    assert answer.code == 2 and "--dataset, --template must be given" in answer.error
