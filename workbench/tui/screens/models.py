"""The Models screen: the base models of the store, and bringing in another from a folder or from the Hub."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from textual.content import Content

from store import Store
from store.models import Model
from workbench.tui.present import models as present
from workbench.tui.present.cells import Row
from workbench.tui.screens.catalog import CatalogScreen
from workbench.tui.widgets.live_table import Column


class ModelsScreen(CatalogScreen[Model]):
    """The list of base models beside the selected one."""

    scope = "models"
    noun = "model"
    empty = present.EMPTY
    source_label = "A folder of a transformers model, or the id of a model on the Hub:"
    source_help = "It needs config.json, tokenizer.json and *.safetensors. Pickled weights are refused."
    columns = (
        Column("name", "name", minimum=12),
        Column("family", "family", 8),
        Column("parameters", "params", 7, align="right"),
        Column("bytes", "size", 8, align="right", hide_below=50),
        Column("dtype", "dtype", 9, hide_below=60),
        Column("fingerprint", "fingerprint", 11, hide_below=90),
        Column("source", "source", minimum=10, hide_below=70),
    )

    def read(self, store: Store) -> Sequence[Model]:
        """All models."""
        return store.models.list()

    def rows(self, records: Sequence[Model]) -> list[Row]:
        """The list."""
        return present.table(records)

    def describe(self, store: Store, record: Model) -> Content:
        """Everything about a model, with the adapters there are for it."""
        return present.detail(record, store.adapters.count(model=record.name), time.time())

    def bring_in(self, store: Store, source: str, progress: Callable[[str], None]) -> Model:  # noqa: ARG002 (the store tells none)
        """Check and copy a model, which is fetched first where it is on the Hub."""
        return store.models.add(source)

    def take_out(self, store: Store, name: str) -> None:
        """Remove a model."""
        store.models.remove(name)
