"""The model, data and templates that come with the workbench, so that a newcomer has something to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from store import Store

FOLDER = Path(__file__).parent
MODEL = "starter"
DEMO_DATASET = "dialogues"
DEMO_TEMPLATE = "summarise-dialogue"
TEMPLATES = {
    "dialogues": (DEMO_TEMPLATE, "answer-about-dialogue", "topic-of-dialogue"),
    "notes": (
        "answer-about-note",
        "feeling-of-note",
        "headline-of-note",
        "keywords-of-note",
        "kind-of-thing",
        "report-speech",
        "sentence-from-facts",
    ),
}
"""The templates by the dataset whose columns they name. The model knows all of them but the demo's."""

DEMO_SETTINGS: dict[str, object] = {
    "max_steps": 180,
    "max_seconds": 65,
    "learning_rate": 5e-3,
    "lr_scheduler_type": "linear",
    "warmup_steps": 10,
    "batch_size": 16,
    "r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "max_length": 192,
    "logging_steps": 5,
    "seed": 1,
}
"""What the demo's run sets: under a minute on two processor cores, and never much more than one."""

EXAMPLE_PROMPTS = (
    "What kind of thing is this? hammer",
    "Is this note positive or negative?\n"
    "The concert in the park on Friday was lovely and the music was great.",
    "Rewrite in the third person.\nMia: I am looking for my keys.",
    "Write a sentence from these facts: who: Tom; plan: go swimming; where: at the lake; when: on Sunday",
    "Mia: Hi Tom! Shall we go for a walk in the forest on Sunday?\nTom: I would love to. What time?\n"
    "Mia: How about ten?\nTom: Perfect, I will be there.\n\nQuestion: Where will they go?\nAnswer:",
)
"""Instructions that the model answers before anybody has tuned it."""


@dataclass(frozen=True)
class Starter:
    """The names under which the shipped things stand in a store."""

    model: str = MODEL
    dataset: str = DEMO_DATASET
    template: str = DEMO_TEMPLATE
    train_split: str = "train"
    validation_split: str = "validation"
    test_split: str = "test"
    datasets: tuple[str, ...] = tuple(TEMPLATES)
    templates: tuple[str, ...] = tuple(name for names in TEMPLATES.values() for name in names)


def install(store: Store) -> Starter:
    """Register the shipped model, datasets and templates; what bears such a name already is left as it is.

    Args:
        store: the store to register them in.

    Returns:
        The names to use them by.
    """
    starter = Starter()
    if starter.model not in {model.name for model in store.models.list()}:
        store.models.add(str(FOLDER / "model"), name=starter.model)
    for name in set(starter.datasets) - {dataset.name for dataset in store.datasets.list()}:
        store.datasets.add(str(FOLDER / "data" / name), name=name)
    for name in set(starter.templates) - set(store.templates.names()):
        store.templates.add(FOLDER / "templates" / f"{name}.toml")
    return starter
