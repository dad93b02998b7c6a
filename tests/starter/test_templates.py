"""The shipped templates: valid, in several phrasings, and at home on their datasets."""

from __future__ import annotations

import pytest

from workbench.composing.template import check, render
from workbench.starter import DEMO_TEMPLATE, FOLDER, TEMPLATES, generator
from workbench.starter.instructions import read_template

PLACED = [(dataset, name) for dataset, names in TEMPLATES.items() for name in names]


def test_every_template_file_belongs_to_a_dataset() -> None:
    assert sorted(path.stem for path in (FOLDER / "templates").iterdir()) == sorted(
        name for _, name in PLACED
    )


@pytest.mark.parametrize(("dataset", "name"), PLACED)
def test_a_template_renders_every_variant_on_its_dataset(dataset: str, name: str) -> None:
    template = read_template(name)
    rows = generator.splits(dataset)["test"][:20]
    check(template, tuple(rows[0]))
    assert template.name == name
    assert len(template.variants) >= (5 if name == DEMO_TEMPLATE else 3)
    for variant in template.variants:
        examples = [render(variant, row) for row in rows]
        assert all(example.completion for example in examples)
        assert len({example.prompt for example in examples}) > 1
