"""The list of who can answer a prompt: a base and what was made for it, the chosen ones marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from workbench.tui.clean import safe
from workbench.tui.present import compare as present
from workbench.tui.sentences import keyed
from workbench.tui.state import Saved
from workbench.tui.widgets.live_table import Cell, Column
from workbench.tui.widgets.paged_table import PagedTable

if TYPE_CHECKING:
    from workbench.tui.present.compare import Speaker

COLUMNS = (Column("name", "name", minimum=8), Column("method", "", 12, hide_below=26))


class Systems(PagedTable):
    """Marked lines answer."""

    def __init__(self, *, id: str | None = None) -> None:
        self._speakers: dict[str, Speaker] = {}
        self._model = ""
        super().__init__(
            COLUMNS, self._row_of, title="who answers", empty=present.NO_MODEL, id=id, classes="pane"
        )

    def open(self, model: str, speakers: Iterable[Speaker], chosen: Sequence[str | None]) -> None:
        """List the base and who else there is, and mark the chosen ones."""
        self._model = model
        self._speakers = {each.system: each for each in speakers}
        wanted = {present.BASE_KEY if system is None else system for system in chosen}
        self.marked = frozenset(wanted & {present.BASE_KEY, *self._speakers})
        self.set_keys((present.BASE_KEY, *self._speakers))
        self.border_subtitle = safe(keyed(self, "{key:table.mark} marks"))

    def words(self, key: str) -> str:
        """A filter looks into names and what is told of them."""
        speaker = self._speakers.get(key)
        return (
            f"{speaker.system}\n{speaker.note}" if speaker is not None else f"{present.BASE}\n{self._model}"
        )

    def _row_of(self, key: str) -> Sequence[Cell]:
        return present.choice(self._model, self._speakers.get(key))

    def recall(self, saved: Saved) -> None:
        """Go back to a line; who is marked is chosen with the base."""
        super().recall({name: value for name, value in saved.items() if name != "marked"})

    @property
    def chosen(self) -> list[str | None]:
        """Who is marked, the base (None) first."""
        if not self.marked:
            return []
        listed = (present.BASE_KEY, *self._speakers)  # whether a filter shows them or not
        return [None if key == present.BASE_KEY else key for key in listed if key in self.marked]

    @property
    def under_cursor(self) -> str | None:
        """Whose line the cursor is on."""
        return None if self.cursor_key == present.BASE_KEY else self.cursor_key

    @property
    def chosen_adapters(self) -> list[str]:
        """The marked adapters."""
        return [system for system in self.chosen if system is not None]
