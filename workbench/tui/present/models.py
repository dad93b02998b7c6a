"""What the Models screen says: the list, and everything about one model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.content import Content

from store.sizes import bytes_text
from workbench.tui.clean import origin
from workbench.tui.glyphs import count_text
from workbench.tui.present.cells import QUIET, Row, age, facts, outside, place, quiet, short

if TYPE_CHECKING:
    from store.models import Model

EMPTY = (
    "No models yet.\n\n"
    "Press {key:models.add} and give a folder with config.json, tokenizer.json and *.safetensors,\n"
    "or the id of a model on the Hub, such as google/flan-t5-small."
)


def table(found: Iterable[Model]) -> list[Row]:
    """The model list."""
    return [
        (
            model.name,
            (
                outside(model.name),
                model.family,
                count_text(model.parameters),
                bytes_text(model.bytes),
                model.dtype,
                quiet(short(model.fingerprint)),
                outside(model.source, QUIET),
            ),
        )
        for model in found
    ]


def detail(of: Model, adapters: int, now: float) -> Content:
    """Everything about one model.

    Args:
        of: The model.
        adapters: How many adapters were made for it.
        now: Seconds since the epoch.
    """
    return facts(
        (
            ("name", of.name),
            ("family", {"causal": "causal language model", "seq2seq": "encoder-decoder"}[of.family]),
            ("architecture", of.architecture),
            ("parameters", f"{of.parameters:,}"),
            ("size", f"{bytes_text(of.bytes)}, {of.dtype}"),
            ("vocabulary", f"{of.vocabulary:,} tokens"),
            ("context", f"{of.max_length:,} tokens" if of.max_length else "no limit stated"),
            ("chat template", "yes" if of.chat_template else "no"),
            ("adapters", f"{adapters:,}"),
            ("source", origin(of.source) if of.source else ""),
            ("revision", of.revision),
            ("fingerprint", short(of.fingerprint)),
            ("folder", place(of.path)),
            ("added", f"{age(of.created, now)} ago"),
        )
    )
