"""Pairs of texts that scores are compared on: published cases, real notes, and random Unicode."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

Pair = tuple[str, list[str]]
Draw = Callable[..., Iterator[Pair]]

PIECES = [
    *("the", "was", "cold", "running", "is", "it's", "x1", "3.14", "1,000", "2019.", "a", "b", "dying"),
    *("skies", "dogs", "dog", "its", "it"),
    *(
        "Café",
        "İstanbul",
        "\u212aelvin",
        "日本",
        "語。",
        "🙂",
        "e\u0301",
        "naïve",
        "ß",
        "ΟΔΟΣ",
        "\u3000",
        "\u00a0",
    ),
    *("\n", "\r\n", "-\n", "-", "—", "“q”", "&quot;", "&amp;lt;", "&", "<skipped>", ".", ",", "!", "\u2028"),
    *("\x00", "\u200b", "\u0130", "\ufb01", "\ud83d"),
]


@pytest.fixture(scope="session")
def published_rouge(shared_data: Path) -> dict[str, Any]:
    """Cases and values of google-research's rouge_scorer_test.py; texts that are in files are read in."""
    folder = shared_data / "metric-truth"
    document: dict[str, Any] = json.loads((folder / "rouge_expected.json").read_text(encoding="utf-8"))
    for case in document["files"]:
        for side in ("target", "prediction"):
            text = (folder / "rouge" / case[side]).read_text(encoding="utf-8")
            case[side] = text if case["line"] is None else text.splitlines()[case["line"]]
    return document


@pytest.fixture(scope="session")
def published_bleu(shared_data: Path) -> dict[str, Any]:
    """Cases and values of sacrebleu's test_bleu.py."""
    path = shared_data / "metric-truth" / "bleu_expected.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="session")
def draw_random() -> Draw:
    """Draws predictions with one to three references of random pieces: empty, short, repeated and long."""

    def draw(count: int, seed: int = 0) -> Iterator[Pair]:
        chance = random.Random(seed)

        def text() -> str:
            pieces = chance.sample(PIECES, k=chance.choice([2, 5, len(PIECES)]))
            length = chance.choice([0, 0, 1, 2, 4, 8, 16, 40])
            return "".join(chance.choice(pieces) + chance.choice([" ", " ", "", "\n"]) for _ in range(length))

        for _ in range(count):
            yield text(), [text() for _ in range(chance.choice([1, 1, 2, 3]))]

    return draw


@pytest.fixture(scope="session")
def random_pairs(draw_random: Draw) -> list[Pair]:
    """4,000 random pairs."""
    return list(draw_random(4_000))


@pytest.fixture(scope="session")
def draw_real(shared_data: Path) -> Draw:
    """Draws pairs of texts of real sets: a text with another, with its neighbour, or with words changed."""
    texts = [text for path in sorted(shared_data.rglob("*")) for text in _texts(path)]

    def draw(count: int, seed: int = 0) -> Iterator[Pair]:
        chance = random.Random(seed)

        def changed(at: int) -> str:
            words = texts[at].split(" ")
            return " ".join(chance.choice(words) if chance.random() < 0.3 else word for word in words)

        for _ in range(count):
            at = chance.randrange(len(texts) - 1)
            kinds = [changed(at), texts[at + 1], chance.choice(texts), texts[at]]
            yield texts[at], chance.choices(kinds, (6, 2, 1, 1), k=chance.choice([1, 1, 1, 2]))

    return draw


@pytest.fixture(scope="session")
def streams() -> Callable[[Sequence[Pair]], list[list[str | None]]]:
    """References as sacrebleu takes them: one list per place, None where a row has fewer."""

    def turned(pairs: Sequence[Pair]) -> list[list[str | None]]:
        most = max(len(references) for _, references in pairs)
        return [[refs[k] if k < len(refs) else None for _, refs in pairs] for k in range(most)]

    return turned


def _texts(path: Path) -> Iterator[str]:
    """The single texts of one file of data; those over 1,500 characters are left to tests of long texts."""
    if path.name == "SOURCE.md" or not path.is_file():
        return
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            found = [cell for row in csv.reader(file) for cell in row]
    elif path.suffix in (".json", ".jsonl"):
        found = re.findall(r'"((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8"))
        found = [json.loads(f'"{each}"', strict=False) for each in found]
    else:
        found = path.read_text(encoding="utf-8", errors="replace").split("\n")
    yield from (each for each in found if 0 < len(each) <= 1_500)


@pytest.fixture(scope="session")
def real_pairs(shared_data: Path) -> list[tuple[str, list[str]]]:
    """500 notes on doctors' dialogues, each against the dialogue's own last words and another note."""
    path = shared_data / "mts-dialog" / "MTS-Dialog-TrainingSet.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:500]
    notes = [row["section_text"] for row in rows]
    return [
        (note, [row["dialogue"][-400:], other])
        for note, row, other in zip(notes, rows, notes[1:] + notes[:1], strict=True)
    ]
