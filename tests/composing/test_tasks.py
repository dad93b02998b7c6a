"""The tasks of a mixture in a store: what is missing, and the share of the tokens, counted with a codec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store import BadInput, Store
from store.mixtures import Mixture, Task
from workbench.composing import masking, mixing, tasks
from workbench.composing.tasks import SAMPLE_ROWS, Ruler
from workbench.composing.template import composer

MIXTURE = Mixture("m", (Task("even", "copy"), Task("odd", "copy", 3.0)))
ROWS = 3 * SAMPLE_ROWS


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Store:
    """A dataset of short rows and one whose rows grow, both through one template with two variants."""
    for name, texts in (("even", ["up"] * 40), ("odd", ["a " * (1 + row // 16) for row in range(ROWS)])):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        store.datasets.add(path)
    variants = "".join(
        f'[[variants]]\nname = "{name}"\nprompt = "{name} {{{{ text }}}}:"\ncompletion = "{{{{ text }}}}"\n'
        for name in ("say", "repeat after me")
    )
    (tmp_path / "copy.toml").write_text(f'name = "copy"\ntask = "copying"\n{variants}')
    store.templates.add(tmp_path / "copy.toml")
    return store


@pytest.fixture
def ruler(tiny_causal: Path) -> Ruler:
    """The tiny model's tokenizer, with room for every row."""
    return Ruler(masking.load_codec(tiny_causal, "causal"), 256, 42)


def test_token_shares_are_those_of_all_rows_as_the_trainer_makes_them(shop: Store, ruler: Ruler) -> None:
    """A task of at most so many rows exactly; a long one by a sample from all over it, within a tenth."""
    parts = tasks.divide(shop, MIXTURE, tasks.look(shop, MIXTURE), ruler)
    means = []
    for part, task in zip(parts, MIXTURE.tasks, strict=True):
        source = tasks.find(shop, task)
        at_work = composer(shop, source.dataset, source.template, 42)
        made = [
            masking.mask(at_work.example(index, row), ruler.codec, 256)
            for index, row in enumerate(shop.datasets.rows(task.dataset, "train"))
        ]
        means.append(sum(len(each.ids) for each in made) / len(made))
        learned = sum(sum(each.trained) for each in made) / len(made)
        assert part.mean_tokens == pytest.approx(means[-1], rel=0.1)
        assert part.mean_trained_tokens == pytest.approx(learned, rel=0.1)
    assert parts[0].mean_tokens == pytest.approx(means[0])
    assert (parts[0].sampled_rows, parts[1].sampled_rows) == (40, SAMPLE_ROWS)
    shares = mixing.shares(MIXTURE, [40, ROWS])
    assert [part.share for part in parts] == shares
    found = [part.token_share for part in parts]
    assert found == pytest.approx(tasks.token_shares(shares, means), rel=0.1) and sum(found) == pytest.approx(
        1
    )


def test_rows_that_cannot_be_trained_on_are_counted_and_weigh_nothing(
    shop: Store, ruler: Ruler, tmp_path: Path
) -> None:
    (tmp_path / "holes.jsonl").write_text('{"text": "up"}\n{"text": " "}\n{"text": "up"}\n')
    shop.datasets.add(tmp_path / "holes.jsonl")
    mixture = Mixture("m", (Task("even", "copy"), Task("holes", "copy")), "fixed")
    first, second = tasks.divide(shop, mixture, tasks.look(shop, mixture), ruler)
    assert (second.sampled_rows, second.skipped_rows) == (3, 1)
    assert second.mean_trained_tokens == first.mean_trained_tokens


def test_everything_that_is_missing_is_told_at_once(shop: Store) -> None:
    mixture = Mixture(
        "m",
        (Task("evn", "copy"), Task("even", "cpy"), Task("even", "copy", split="test"), Task("odd", "copy")),
    )
    with pytest.raises(BadInput) as caught:
        tasks.find_all(shop, mixture)
    for what in (
        "task 1 (evn by copy): no dataset named 'evn'; did you mean 'even'?",
        "task 2 (even by cpy): no template named 'cpy'; did you mean 'copy'?",
        "task 3 (even, split test by copy): dataset 'even' has no split 'test'",
    ):
        assert what in caught.value.what
    assert "task 4" not in caught.value.what
    parts = tasks.divide(shop, mixture, tasks.look(shop, mixture))
    assert [part.share for part in parts] == [None, None, None, 1.0]
