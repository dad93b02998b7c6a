"""Names that begin with what was typed, few and quickly: for a tab key, on a store of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from store.entries import Noun
from store.strangers import NAMED
from store.trashed_runs import KEPT_RUNS

if TYPE_CHECKING:
    from sqlite_utils import Database

Named = Noun | Literal["run"]


def names(db: Database, noun: Named, beginning: str, most: int) -> list[tuple[str, str]]:
    """Return names and what else tells them apart.

    Args:
        db: the catalog.
        noun: of what kind.
        beginning: what they begin with; for a run its id or its name.
        most: how many at most.
    Returns:
        In the order of the alphabet, with an empty text each; runs the newest first, by id, with their names.
    """
    if noun == "run":
        found = db.query(
            f"""select 'r' || id as run, name from runs
                where (run glob :so or name glob :so) and id {KEPT_RUNS}
                order by id desc limit :most""",  # noqa: S608 (our own clause)
            {"so": f"{_literal(beginning)}*", "most": most},
        )
        return [(row["run"], row["name"]) for row in found]
    found = db.query(
        f"""select name from {noun}s where name >= ? and name < ? and {NAMED}
            order by name limit ?""",  # noqa: S608 (our noun and clause)
        [beginning, f"{beginning}\U0010ffff", most],
    )
    return [(row["name"], "") for row in found]


def _literal(text: str) -> str:
    """A text as a GLOB pattern that matches itself."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in text)
