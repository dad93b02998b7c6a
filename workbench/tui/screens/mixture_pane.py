"""Mixtures: the list of them, and of the one under the cursor its tasks and their shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.composing.limited import Limited
from workbench.tui.clean import safe
from workbench.tui.glyphs import glyphs
from workbench.tui.present import compose
from workbench.tui.present import mixtures as present
from workbench.tui.screens import dialogs
from workbench.tui.widgets.live_table import Column, LiveTable

if TYPE_CHECKING:
    from store.errors import StoreError
    from store.mixtures import Mixture
    from workbench.tui.screen import WorkbenchScreen

LIST = (
    Column("name", "name", minimum=12),
    Column("mixing", "mixing", minimum=8, hide_below=34),
    Column("tasks", "n", 3, align="right"),
)
TASKS = (
    Column("dataset", "dataset", minimum=12),
    Column("template", "template", minimum=12, hide_below=50),
    Column("weight", "weight", 6, align="right", hide_below=80),
    Column("rows", "rows", 6, align="right"),
    Column("share", "examples", 8, align="right"),
    Column("bar", "", present.BAR, hide_below=90),
    Column("tokens", "tokens", 7, align="right"),
    Column("trained", "trained", 7, align="right"),
)


class MixturePane(Vertical):
    """The list above, the tasks of the selected one below."""

    DEFAULT_CSS = """
    MixturePane { display: none; }
    MixturePane #mixtures { height: 1fr; max-height: 10; }
    MixturePane #tasks { height: 2fr; }
    MixturePane #rule, MixturePane #remarks { height: auto; max-height: 6; padding: 0 2; }
    """

    def __init__(self, root: Path, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._limited = Limited(root)
        self._found: dict[str, Mixture] = {}
        self._shares: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._faults: Mapping[str, StoreError] = {}
        self._reckoning = ""
        self._model: str | None = None

    def compose(self) -> ComposeResult:
        """List, rule, tasks, remarks."""
        yield LiveTable(LIST, title="mixtures", empty=present.EMPTY, id="mixtures", classes="pane")
        yield Static(id="rule", markup=False)
        yield LiveTable(TASKS, title="tasks", empty="", id="tasks", classes="pane")
        yield Static(id="remarks", markup=False)

    def on_unmount(self) -> None:
        """End the process."""
        self._limited.close()

    @property
    def selected(self) -> str | None:
        """The name of the mixture under the cursor, valid or not."""
        return next((table.cursor_key for table in self.query("#mixtures").results(LiveTable)), None)

    def read(self, model: str) -> None:
        """Read the mixtures again, and reckon with this model's tokens."""
        if model != (self._model or ""):
            self._model, self._shares = model or None, {}
        self._ask(lambda store: (store.mixtures.list(), store.mixtures.faults()), self._listed)

    def add_file(self) -> None:
        """Ask for a file, and add it."""

        def named(path: str) -> None:
            file = Path(path).expanduser()
            self._ask(lambda store: store.mixtures.add(file), self._added)

        dialogs.ask_text(self.app, "add a mixture", "A TOML file:", present.FILE_HELP, named)

    def remove_selected(self) -> None:
        """Remove the selected mixture."""
        name = self.selected or ""
        lost = "Its file is deleted for good; the datasets and templates of its tasks stay."
        dialogs.remove(
            cast("WorkbenchScreen", self.screen),
            name,
            lost,
            lambda store: store.mixtures.remove(name),
            lambda: self.read(self._model or ""),
        )

    def _added(self, mixture: Mixture) -> None:
        self._shares.pop(mixture.name, None)
        self.read(self._model or "")

    def _listed(self, read: tuple[list[Mixture], dict[str, StoreError]]) -> None:
        found, self._faults = read
        known, self._found = self._found, {each.name: each for each in found}
        self._shares = {
            name: shares for name, shares in self._shares.items() if known.get(name) == self._found.get(name)
        }
        self.query_one("#mixtures", LiveTable).set_rows(present.table(found, self._faults))
        self._show()

    @on(LiveTable.Highlighted, "#mixtures")
    def _highlighted(self, message: LiveTable.Highlighted) -> None:
        message.stop()
        self._show()

    def _show(self) -> None:
        if not self.query("#tasks"):
            return  # closed meanwhile
        name = self.selected or ""
        mixture, shares = self._found.get(name), self._shares.get(name)
        told, remarks = Content(), Content()
        if mixture is not None:
            told = present.rule(mixture)
            remarks = present.remarks(shares) if shares is not None else Content("reckoning the shares …")
            if shares is None:
                self._reckon(name)
        elif name in self._faults:
            told = compose.trouble(self._faults[name])
        table = self.query_one("#tasks", LiveTable)
        table.border_title = safe(f"tasks of {name}" if name else "tasks")
        table.set_rows(present.tasks(mixture, shares or (), glyphs(self)) if mixture is not None else [])
        self.query_one("#rule", Static).update(told)
        self.query_one("#remarks", Static).update(remarks)

    def _reckon(self, name: str) -> None:
        model = self._model
        if self._reckoning == name:
            return
        self._reckoning = name

        def reckoned(shares: list[dict[str, Any]]) -> None:
            self._reckoning = ""
            if model == self._model:
                self._shares[name] = shares
                self._show()

        def failed(error: StoreError) -> None:
            self.query_one("#remarks", Static).update(compose.trouble(error))

        self._ask(lambda _: self._limited.shares(name, model, None), reckoned, lane="shares", failed=failed)

    @property
    def _ask(self) -> Callable[..., None]:
        return cast("WorkbenchScreen", self.screen).ask
