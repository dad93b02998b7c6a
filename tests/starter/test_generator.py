"""The starter's data: always the same, split without overlap, readable."""

from __future__ import annotations

from itertools import combinations, islice
from random import Random

import pytest

from workbench.starter import FOLDER, TEMPLATES, generator
from workbench.starter.dialogues import dialogue
from workbench.starter.notes import note
from workbench.starter.scenes import SCENES

NAMES = tuple(TEMPLATES)


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_is_the_same_whenever_it_is_made(name: str) -> None:
    assert generator.splits(name) == generator.splits(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_files_are_what_the_generator_makes(name: str) -> None:
    folder = FOLDER / "data" / name
    made = {split: generator.lines(rows) for split, rows in generator.splits(name).items()}
    assert {path.stem: path.read_text("utf-8") for path in folder.iterdir()} == made


@pytest.mark.parametrize("name", NAMES)
def test_no_text_of_one_split_occurs_in_another(name: str) -> None:
    splits = generator.splits(name)
    for column in generator.UNIQUE[name]:
        values = [{row[column] for row in rows} for rows in splits.values()]
        assert all(one.isdisjoint(other) for one, other in combinations(values, 2))


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_tuned_on_no_shipped_row(name: str) -> None:
    column = generator.UNIQUE[name][0]
    shipped = {row[column] for rows in generator.splits(name).values() for row in rows}
    tuned = {row[column] for row in islice(generator.tuning_rows(name, Random(5)), 3000)}
    assert tuned.isdisjoint(shipped)


def test_a_dialogue_has_three_to_eight_turns_of_two_people() -> None:
    rng = Random(3)
    for _ in range(500):
        turns = [line.partition(": ") for line in dialogue(rng)["dialogue"].split("\n")]
        assert 3 <= len(turns) <= 8
        assert len({name for name, _, _ in turns}) == 2
        assert all(said for _, _, said in turns)


def test_every_scene_is_told_and_leaves_no_slot_unfilled() -> None:
    rng = Random(4)
    rows = [dialogue(rng) for _ in range(500)] + [note(rng) for _ in range(500)]
    assert {row["topic"] for row in rows if "topic" in row} == {scene.topic for scene in SCENES}
    assert not [text for row in rows for text in row.values() if not text or "{" in text or "}" in text]
