"""What the starter model is tuned on: every shipped template but the one that the demo teaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from store.templates import Template, parse_template
from workbench.composing.template import render
from workbench.starter import DEMO_TEMPLATE, FOLDER, TEMPLATES, generator

SAMPLE_ROWS = 6000
"""Rows of each dataset that meet every word of the vocabulary."""


def read_template(name: str) -> Template:
    """A shipped template."""
    return parse_template((FOLDER / "templates" / f"{name}.toml").read_text("utf-8"), name)


def tuned() -> list[tuple[str, Template]]:
    """The templates that the base learns, each with the name of its dataset."""
    return [
        (dataset, read_template(name))
        for dataset, names in TEMPLATES.items()
        for name in names
        if name != DEMO_TEMPLATE
    ]


def stream(rng: Random, weights: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Prompts and answers without end: a template by weight, a fresh row, a phrasing by chance.

    Args:
        rng: where chance comes from.
        weights: how often a template is drawn, by its name, where that is not once.
    """
    rows = {name: generator.tuning_rows(name, rng) for name in generator.SIZES}
    choices = tuned()
    shares = [weights.get(template.name, 1) for _, template in choices]
    while True:
        dataset, template = rng.choices(choices, shares)[0]
        variant = rng.choice(template.variants)
        example = render(variant, next(rows[dataset]))
        yield example.prompt, example.completion


def held_out(dataset: str, template: Template) -> list[tuple[str, str]]:
    """The test rows of a dataset in a template's words, its phrasings taking turns."""
    examples = [
        render(template.variants[number % len(template.variants)], row)
        for number, row in enumerate(generator.splits(dataset)["test"])
    ]
    return [(example.prompt, example.completion) for example in examples]


def sample_texts(seed: int) -> Iterator[str]:
    """Enough text to make a tokenizer from: generated rows and the fixed words of the templates."""
    for name in generator.SIZES:
        rows = generator.tuning_rows(name, Random(seed))
        for _ in range(SAMPLE_ROWS):
            yield from next(rows).values()
    for _, template in tuned():
        yield from (variant.prompt for variant in template.variants)
