"""`workbench score`: files of any size in, one document out, and two systems compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

GAMED = {"prediction": "cold cold cold cold", "reference": "it is cold outside"}
GOOD = {"prediction": "it is cold", "reference": "it is cold outside"}


def write(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_gamed_score_is_explained_and_exposed(workbench: Any) -> None:
    document = workbench("score", "-", "--tokens", "--json", text=json.dumps(GAMED) + "\n").document
    (row,) = document["rows"]
    labels = [token["label"] for token in row["tokens"]["rouge1"]["prediction"]]
    assert sorted(labels) == ["clipped", "clipped", "clipped", "matched"]
    assert sum(token["share"] for token in row["tokens"]["rouge1"]["prediction"]) == pytest.approx(0.25)
    assert row["signals"]["clipping"] == {
        "value": 0.75,
        "flagged": True,
        "sentence": "3 of 4 word matches are repeats of 'cold'; "
        "unclipped precision would be 1.00, clipped is 0.25.",
    }
    assert [word["labels"][0] for word in row["tokens"]["bleu"]["prediction"]].count("matched") == 1
    assert document["signals"]["clipping"]["flagged"] == 1


def test_every_metric_and_option_is_told_with_its_signature(workbench: Any, tmp_path: Path) -> None:
    row = {**GOOD, "source": "It is very cold.", "log_likelihood": -6.0, "tokens": 3, "truncated": True}
    metrics = ("rouge", "bleu", "chrf", "chrf++", "ter", "exact-match", "token-f1", "labels", "perplexity")
    words = [word for metric in metrics for word in ("--metric", metric)]
    options = ("--stemmer", "--lowercase", "--tokenize", "intl", "--smooth", "floor", "--smooth-value", "0.2")
    document = workbench("score", write(tmp_path / "a.jsonl", row), *words, *options, "--json").document
    corpus, (scored,) = document["corpus"], document["rows"]
    assert corpus.keys() >= {
        "rouge1",
        "bleu",
        "chrf",
        "chrf++",
        "ter",
        "exact_match",
        "token_f1",
        "perplexity",
    }
    assert corpus.keys() >= {"accuracy", "macro_f1", "matthews"}
    assert corpus["perplexity"] == pytest.approx(7.389056)
    assert document["signatures"]["bleu"].startswith("nrefs:1|case:lc|eff:no|tok:intl|smooth:floor[0.20]|")
    assert "stem:porter-nltk" in document["signatures"]["rouge"]
    assert document["signatures"].keys() >= {"ter", "chrf", "token_f1", "accuracy"}
    assert scored["signals"]["truncated"]["flagged"] is True
    assert scored["signals"]["copying"]["sentence"].startswith("0 of 1 runs of three words are copied")


def test_a_fault_in_the_last_row_leaves_the_error_alone_on_stdout(workbench: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, *[GOOD] * 300)
    path.write_text(path.read_text() + "{\n")
    answer = workbench("score", str(path), "--json")
    assert answer.code == 1
    assert answer.document["error"].startswith("line 301 is not JSON")


def test_a_file_larger_than_what_is_kept_in_memory_is_printed_whole(
    workbench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.cli.score.SPOOLED_BYTES", 1_000)
    monkeypatch.setattr("workbench.cli.score.PIECE_CHARACTERS", 77)
    rows = [{"prediction": f"it is {number} \u2028 é", "reference": "it is"} for number in range(400)]
    answer = workbench("score", write(tmp_path / "a.jsonl", *rows), "--metric", "rouge", "--json")
    assert len(answer.document["rows"]) == 400
    assert answer.out.isascii() and answer.out.count("\n") == 1


def test_two_systems_are_compared_by_every_score_and_seed(workbench: Any, tmp_path: Path) -> None:
    rows = [
        {"prediction": f"the cat {n} sat on", "reference": f"the cat {n} sat on the mat"} for n in range(30)
    ]
    better = [{**row, "prediction": row["reference"]} if n % 3 else row for n, row in enumerate(rows)]
    base, mine = write(tmp_path / "base.jsonl", *rows), write(tmp_path / "mine.jsonl", *better)
    words = ("score", mine, "--against", base, "--seed", "1", "--seed", "2")
    document = workbench(*words, "--json").document
    assert (document["baseline"], document["system"], document["rows"]) == (
        ["base.jsonl"],
        ["mine.jsonl"],
        30,
    )
    bleu = document["scores"]["bleu"]
    assert (bleu["wins"], bleu["ties"], bleu["losses"]) == (20, 10, 0)
    assert [verdict["seed"] for verdict in bleu["verdicts"]] == [1, 2]
    assert bleu["verdicts"][0]["p_randomisation"] < 0.01
    assert len(bleu["deciding"]) == 10
    assert len(document["deciding_rows"]) == 10
    assert document["deciding_rows"]["2"] == {
        "references": ["the cat 1 sat on the mat"],
        "baseline": ["the cat 1 sat on"],
        "system": ["the cat 1 sat on the mat"],
    }
    text = workbench(*words).out
    assert "mine.jsonl against base.jsonl, 30 rows" in text
    assert "With only 30 rows" in text
    assert "the rows that decide bleu" in text and "the cat 1 sat on the mat" in text


def test_runs_with_several_seeds_are_compared_on_average(workbench: Any, tmp_path: Path) -> None:
    paths = [tmp_path / side / f"run{number}.jsonl" for side in ("base", "mine") for number in (1, 2)]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        write(path, *[GOOD if (row + number) % 4 < 1 + number else GAMED for row in range(60)])
    base, mine = map(str, paths[:2]), map(str, paths[2:])
    words = ["score", *mine, *(word for path in base for word in ("--against", path)), "--metric", "rouge"]
    document = workbench(*words, "--json").document
    assert document["system"] == [str(path) for path in paths[2:]]
    found = document["scores"]["rouge1"]
    assert found["system_runs"][0] < found["system_runs"][1]
    mean = sum(found["system_runs"]) / 2 - sum(found["baseline_runs"]) / 2
    assert found["verdicts"][0]["difference"] == pytest.approx(mean)
    assert "rouge1 of each run: " in workbench(*words).out
    assert "2 runs against 1 cannot be compared" in workbench(*words[:-4], "--metric", "rouge").error
    assert "several files are runs of one system" in workbench("score", *map(str, paths)).error


def test_files_of_other_rows_are_not_compared(workbench: Any, tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.jsonl", GOOD), write(tmp_path / "two.jsonl", GOOD, GOOD)
    for first, second in ((one, two), (two, one)):
        assert workbench("score", first, "--against", second).error.endswith(
            f"{two} has more rows than {one}; score the same rows of both"
        )
    other = write(tmp_path / "other.jsonl", {**GOOD, "reference": "x"})
    assert "row 1 has other references" in workbench("score", one, "--against", other).error
    broken = write(tmp_path / "broken.jsonl", {"prediction": "a"})
    assert f"{broken}: line 1 has no 'reference'" in workbench("score", one, "--against", broken).error
    assert "standard input cannot be" in workbench("score", "-", "--against", one, text="").error


@pytest.mark.parametrize("suffix", ["html", "md", "json"])
def test_reports_are_written_of_one_system_and_of_two(workbench: Any, tmp_path: Path, suffix: str) -> None:
    one, two = write(tmp_path / "one.jsonl", GAMED, GOOD), write(tmp_path / "two.jsonl", GOOD, GOOD)
    for number, words in enumerate([(one,), (one, "--against", two)]):
        report = tmp_path / f"report{number}.{suffix}"
        answer = workbench("score", *words, "--report", str(report))
        assert (answer.code, "wrote " in answer.err) == (0, True)
        text = report.read_text(encoding="utf-8")
        assert "cold cold cold cold" in text or suffix == "html" or number == 1
        assert "rouge1" in text
    if suffix == "json":
        assert json.loads((tmp_path / "report0.json").read_text())["rows"][0]["row"] == 1


def test_wrong_choices_are_told(workbench: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", GOOD)
    assert "no report ends in '.pdf'" in workbench("score", path, "--report", "x.pdf").error
    assert "takes no value" in workbench("score", path, "--smooth-value", "1").error
    assert "no log-likelihood" in workbench("score", path, "--metric", "perplexity").error
