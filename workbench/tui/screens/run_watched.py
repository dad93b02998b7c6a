"""The lines under a run's overview: its trouble, what it forgot, how its samples score."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, cast

from workbench.tui.alerts import AlertsRaised
from workbench.tui.glyphs import glyphs
from workbench.tui.present import watched as present
from workbench.tui.present.cells import lines
from workbench.tui.present.watched import Watched
from workbench.tui.sentences import keyed
from workbench.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from store import Store
    from store.metrics import Point
    from store.runs import Run
    from workbench.tui.screen import Workbench

ROOMY_LINES, SHORT_LINES = 3, 2


def read_watched(store: Store, run: Run) -> Watched:
    """Read what the lines tell of a run."""
    # Imported on the lane's thread: the first paint does not wait for templates.
    from workbench.runs import probes

    steps = store.samples.steps(run.id)
    scores = [each.scores.get("rougeL") for each in store.samples.list(run.id, steps[-1])] if steps else []
    known = [each for each in scores if each is not None]
    return Watched(
        run.id,
        tuple(store.alerts.list(run.id)),
        tuple(probes.standings(store, run)),
        tuple(steps),
        sum(known) / len(known) if known else None,
    )


class WatchedLines(Lines):
    """Absent while there is nothing to say."""

    DEFAULT_CSS = """
    WatchedLines { height: auto; padding: 0 2; display: none; }
    WatchedLines.-told { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run: Run | None = None
        self.watched = Watched("")

    def follow(self, run: Run | None) -> None:
        """Tell of a run from now on."""
        other = (run.id if run else None) != (self._run.id if self._run else None)
        self._run = run
        if other:
            self.watched = Watched(run.id if run else "")
            # The room is kept until it is known what there is to say: the charts do not jump at each step.
            self.update("\n" * self.copy_text().count("\n"))
            self._read()

    def add(self, points: Iterable[Point]) -> None:
        """See whether new points of the run change what is told."""
        if any(point.name.startswith(present.PREFIXES) for point in points):
            self._read()

    def raise_alerts(self, message: AlertsRaised) -> None:
        """See whether new alerts are of the run."""
        if any(self._follows(alert.run) for alert in message.alerts):
            self._read()

    def on_resize(self) -> None:
        """A low window has room for fewer lines."""
        self._take(self.watched)

    def _read(self) -> None:
        run = self._run
        if run is not None:
            cast("Workbench", self.app).ask("store", partial(self._read_if_followed, run), self._came)

    def _read_if_followed(self, run: Run, store: Store) -> Watched | None:
        """Run on the lane's thread: a cursor that went by leaves no reads behind."""
        return read_watched(store, run) if self._follows(run.id) else None

    def _follows(self, run_id: str) -> bool:
        return self._run is not None and self._run.id == run_id

    def _came(self, watched: Watched | None) -> None:
        if watched is not None and self._follows(watched.run):
            self._take(watched)

    def _take(self, watched: Watched) -> None:
        self.watched = watched
        room = SHORT_LINES if self.screen.has_class("-short") else ROOMY_LINES
        told = present.watched_lines(watched, glyphs(self))[:room]
        self.set_class(bool(told), "-told")
        self.update(keyed(self, lines(told)))
