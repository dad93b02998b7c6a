"""The Adapters screen: what the runs have made and what was added, with where each comes from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from textual import on
from textual.content import Content
from textual.widget import Widget

from store import Store, patterns
from store.adapters import LINEAGE, Adapter
from store.configs import read_json
from workbench.tui.inbox import InboxChanged
from workbench.tui.present import adapter_work as work
from workbench.tui.present import adapters as present
from workbench.tui.screens import adapter_work
from workbench.tui.screens.inbox_line import InboxLine
from workbench.tui.screens.paged_catalog import PagedCatalogScreen
from workbench.tui.widgets.live_table import Cell, Column, LiveTable


class AdaptersScreen(PagedCatalogScreen[Adapter]):
    """The list of adapters beside the selected one."""

    scope = "adapters"
    noun = "adapter"
    empty = present.EMPTY
    source_label = "A folder with adapter_config.json and adapter_model.safetensors:"
    source_help = "Its base model must be in the store already."
    columns = (
        Column("name", "name", minimum=14),
        Column("model", "base", minimum=8),
        Column("method", "method", 13, hide_below=60),
        Column("run", "run", 6),
        Column("trainable", "trainable", 9, align="right"),
        Column("bytes", "size", 8, align="right", hide_below=60),
        Column("age", "age", 4, align="right"),
    )

    def compose_body(self) -> Iterable[Widget]:
        """What came in, above the list."""
        yield InboxLine(id="inbox")
        yield from super().compose_body()

    @on(InboxChanged)
    def _inbox_changed(self, message: InboxChanged) -> None:
        self.query_one(InboxLine).take(message.state)

    def action_inbox(self) -> None:
        """Show what lies in the inbox."""
        self.query_one(InboxLine).open()

    def read_names(self, store: Store, text: str) -> list[str]:
        """The adapters' names."""
        return store.adapters.names(patterns.lenient(text) if text else None)

    def read_some(self, store: Store, names: Sequence[str]) -> Sequence[Adapter]:
        """Some adapters."""
        return store.adapters.some(names)

    def row_of(self, record: Adapter) -> Sequence[Cell]:
        """An adapter in the list."""
        return present.cells(record, time.time())

    def describe(self, store: Store, record: Adapter) -> Content:  # noqa: ARG002 (a card is a file)
        """Everything about an adapter, with its lineage card."""
        path = record.path / LINEAGE
        card = read_json(path) if path.is_file() else {"lineage": f"{LINEAGE} is missing in its folder"}
        lineage = {key: value for key, value in card.items() if key not in asdict(record)}
        return present.detail(record, lineage, time.time())

    def bring_in(self, store: Store, source: str, progress: Callable[[str], None]) -> Adapter:  # noqa: ARG002 (it is quick)
        """Check and copy a PEFT folder."""
        return store.adapters.add(Path(source).expanduser())

    def take_out(self, store: Store, name: str) -> None:
        """Remove an adapter."""
        store.adapters.remove(name)

    def why_not(self, name: str) -> str | None:
        """Adapters are compared over one base; each kind of work on them has its own reasons."""
        if name == "compare":
            return present.why_not_compare(self._chosen())
        return work.why_not(name, self._chosen()) if name in ("merge", "export", "combine", "diff") else None

    def action_merge(self) -> None:
        """Make a model of the adapter and its base."""
        adapter_work.ask_merge(self, self._chosen()[0], self._refresh)

    def action_export(self) -> None:
        """Write the adapter for other programs."""
        adapter_work.ask_export(self, self._chosen()[0])

    def action_combine(self) -> None:
        """Make one adapter of the marked ones."""
        adapter_work.ask_combine(self, self._chosen(), self._refresh)

    def action_diff(self) -> None:
        """Show what the adapter, or the two marked ones, change."""
        adapter_work.show_diff(self, self._chosen())

    def action_compare(self) -> None:
        """Go to Compare with the marked adapters, or the one under the cursor, beside their base."""
        chosen = self._chosen()
        self.workbench.compare_with(chosen[0].model, [None, *(adapter.name for adapter in chosen)])

    def _chosen(self) -> list[Adapter]:
        marked = self.query_one("#list", LiveTable).marked
        if marked:
            records = (self._records[name] for name in marked if name in self._records)
            return sorted(records, key=lambda adapter: adapter.created, reverse=True)
        return [self.selected] if self.selected is not None else []
