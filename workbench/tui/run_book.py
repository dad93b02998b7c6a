"""The runs of a store as the app knows them, kept up to date by what the reading thread tells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from store.metrics import run_number
from store.runs import Run
from workbench.tui.run_reader import RunNews


class RunBook:
    """All runs that were told of, the newest first."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self.runs: Mapping[str, Run] = MappingProxyType(self._runs)
        """By id; another mapping once runs come or go, else the same one with what is new about them."""
        self.live: tuple[Run, ...] = ()
        """Those that are at work, the newest first."""
        self.complete = False
        """These are all runs."""
        self._untold: set[str] = set()
        """Those that a reader which began again has not told yet."""

    def take(self, news: RunNews) -> None:
        """Keep what is new; of a reader that begins again nothing is missed until it has told all."""
        told = {run.id: run for run in news.runs}
        self._untold = (set(self._runs) if news.afresh else self._untold) - told.keys()
        gone = news.gone | (self._untold if news.complete else set())
        if gone or not told.keys() <= self._runs.keys():
            left = {run_id: run for run_id, run in (self._runs | told).items() if run_id not in gone}
            self._runs = dict(sorted(left.items(), key=lambda item: run_number(item[0]), reverse=True))
            self.runs = MappingProxyType(self._runs)
        else:
            self._runs |= told
        live = {
            run.id for run in (*self.live, *news.runs) if run.id in self._runs and self._runs[run.id].live
        }
        self.live = tuple(self._runs[run_id] for run_id in sorted(live, key=run_number, reverse=True))
        self.complete = self.complete or news.complete
