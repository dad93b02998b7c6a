"""The newest loss of each run and its course in a few cells, for the run list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.tui.present.sparks import WIDTH, Spark

if TYPE_CHECKING:
    from store import Store
    from store.metrics import Point
    from store.runs import Run


@dataclass
class Losses:
    """What is known of the losses of runs, by run id."""

    newest: dict[str, float] = field(default_factory=dict)
    sparks: dict[str, Spark] = field(default_factory=dict)

    def add(self, points: Iterable[Point], runs: Mapping[str, Run]) -> None:
        """Take points that have just been written; those of other metrics are passed over."""
        for point in points:
            if point.name == "loss":
                run = runs.get(point.run)
                self.newest[point.run] = point.value
                spark = self.sparks.setdefault(point.run, Spark())
                spark.add([(point.step, point.value)], run.total_steps if run is not None else 0)

    def take(self, found: Losses) -> None:
        """Take what was read meanwhile; what has come by itself since is newer."""
        self.newest = found.newest | self.newest
        for run, spark in found.sparks.items():
            if run in self.sparks:
                spark.join(self.sparks[run])
            self.sparks[run] = spark


def read_losses(store: Store, runs: Sequence[Run]) -> Losses:
    """Read the losses of some runs: each takes some dozen short reads."""
    losses = Losses()
    latest = store.metrics.latest_of([run.id for run in runs], "loss")
    losses.newest = {run_id: metrics["loss"] for run_id, metrics in latest.items() if metrics}
    for run in runs:
        losses.sparks[run.id] = Spark()
        losses.sparks[run.id].add(store.metrics.series(run.id, "loss", width=WIDTH), run.total_steps)
    return losses
