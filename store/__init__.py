"""The local model store: models, data, templates, mixtures, adapters, runs and evaluations, on this disk.

`open_store` is the one door; a `Store` holds one object per noun. No user interface and no torch in here.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from store.adapters import Adapters
from store.alerts import Alerts
from store.changes import Changes
from store.checkpoints import Checkpoints
from store.datasets import Datasets
from store.db import CATALOG, connect, explained
from store.engines import Engines
from store.errors import BadInput, Conflict, NotFound, StoreError, Unavailable
from store.evaluations import Evaluations
from store.files import private_folder
from store.metrics import Metrics
from store.migrations import check_schema, migrate
from store.mixtures import Mixtures
from store.models import Models
from store.naming import Named, names
from store.places import prepare_root
from store.preferences import Preferences
from store.prompts import Prompts
from store.row_scores import RowScores
from store.runs import Runs
from store.samples import Samples
from store.templates import Templates
from store.trash import Trash

__all__ = [
    "BadInput",
    "Conflict",
    "NotFound",
    "Store",
    "StoreError",
    "Unavailable",
    "default_path",
    "open_store",
]

FOLDERS = ("models", "datasets", "templates", "mixtures", "adapters", "runs", "inbox")


def default_path() -> Path:
    """Return where the store is when nobody says: $WORKBENCH_STORE, else the platform's data folder."""
    named = os.environ.get("WORKBENCH_STORE")
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "workbench"


def open_store(path: Path | str | None = None, *, create: bool = True) -> Store:
    """Open the store, making it on first use.

    Args:
        path: its folder; `default_path()` when left out.
        create: make it when there is none.
    Raises:
        BadInput: the path is something else than a store.
        Unavailable: it is missing and not to be made, another user's, or on a network file system; or the
            linked SQLite is one that can lose rows.
    """
    root = prepare_root(Path(path) if path is not None else default_path(), create=create)
    return Store(root, read_only=not os.access(root, os.W_OK))


class Store:
    """One connection to a store. Cheap to open: take one for each thread and each process."""

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self.root = root
        self.read_only = read_only
        self.db = connect(root / CATALOG, read_only=read_only)
        with explained(root / CATALOG):
            if not read_only:
                migrate(self.db)
                for name in FOLDERS:
                    private_folder(root / name)
            check_schema(self.db, root)
        self.models = Models(root, self.db)
        self.datasets = Datasets(root, self.db)
        self.templates = Templates(root, self.db)
        self.mixtures = Mixtures(root, self.db)
        self.adapters = Adapters(root, self.db)
        self.runs = Runs(root, self.db)
        self.metrics = Metrics(root, self.db)
        self.changed = Changes(self.db)
        self.samples = Samples(root, self.db)
        self.checkpoints = Checkpoints(root, self.db)
        self.alerts = Alerts(root, self.db)
        self.evaluations = Evaluations(root, self.db)
        self.row_scores = RowScores(self.db)
        self.preferences = Preferences(root, self.db)
        self.prompts = Prompts(root, self.db)
        self.engines = Engines(self.db)
        self.trash = Trash(root, self.db, read_only=read_only)

    def changes(self) -> int:
        """Return a number that differs from the last one when another connection has committed in between."""
        return int(self.db.conn.execute("pragma data_version").fetchone()[0])

    def names(self, noun: Named, beginning: str, most: int) -> list[tuple[str, str]]:
        """Return names that begin so, and what tells them apart; see `naming.names`."""
        return names(self.db, noun, beginning, most)

    def close(self) -> None:
        """Close the connection."""
        self.db.conn.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
