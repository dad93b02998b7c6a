"""Alerts as the screens get them: what is new, and how many each run at work has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.message import Message

from store import Store
from store.alerts import Alert
from store.runs import Run


@dataclass
class AlertsRaised(Message, bubble=False):
    """Alerts told since the last such message; none at the first, which brings the counts alone."""

    alerts: tuple[Alert, ...]
    counts: Mapping[str, int]
    """Alerts of each run at work that has any, by run id."""


class AlertReader:
    """Reads alerts after a cursor; used by the thread that reads the store."""

    def __init__(self, store: Store) -> None:
        self._cursor = store.alerts.end()
        self._counts: Mapping[str, int] | None = None

    def new(self, store: Store, runs: Iterable[Run]) -> AlertsRaised | None:
        """What is new, None where nothing is."""
        alerts, self._cursor = store.alerts.after(self._cursor)
        counts = store.alerts.counts(run.id for run in runs if run.live)
        if not alerts and counts == self._counts:
            return None
        self._counts = counts
        return AlertsRaised(tuple(alerts), counts)
