"""Preferences: which of several answers to a prompt a person found better, not knowing whose they were."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.db import storable, write
from store.errors import BadInput, not_found

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True)
class Candidate:
    """One answer that stood for choice; `system` is the adapter's name, None the bare base."""

    system: str | None
    text: str


@dataclass(frozen=True)
class Vote:
    """One prompt, its answers and the better one.

    Args:
        id: its name in the store.
        model: the base model's name.
        prompt: the text that all of them were shown.
        references: what the data holds as right; empty for a prompt that was typed.
        candidates: the answers, in the order in which they were shown.
        winner: the place of the better one among them; None where none was better.
        sampling: how tokens were chosen.
        created: seconds since the epoch.
    """

    id: str
    model: str
    prompt: str
    references: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    winner: int | None
    sampling: dict[str, Any]
    created: float


class Preferences:
    """The votes of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def add(
        self,
        *,
        model: str,
        prompt: str,
        references: Sequence[str],
        candidates: Sequence[Candidate],
        winner: int | None,
        sampling: Mapping[str, Any],
    ) -> Vote:
        """Keep a vote.

        Raises:
            BadInput: there is nothing to choose from, or the winner is none of the candidates.
        """
        if len(candidates) < 2:
            raise BadInput("one answer is no choice", "let two or more answer")
        if winner is not None and not 0 <= winner < len(candidates):
            raise BadInput(f"there is no answer {winner}", f"name one from 0 to {len(candidates) - 1}")
        row = {
            "model": model,
            "prompt": storable(prompt),
            "reference_texts": json.dumps(list(references)),
            "candidates": json.dumps([asdict(each) for each in candidates]),
            "winner": winner,
            "sampling": json.dumps(dict(sampling)),
            "created": time.time(),
        }
        with write(self._db):
            number = self._db.table("votes").insert(row).last_pk
        return self.get(f"v{number}")

    def get(self, id: str) -> Vote:
        """Return a vote by its id.

        Raises:
            NotFound: there is none.
        """
        number = id.removeprefix("v")
        for row in self._db.table("votes").rows_where("id = ?", [int(number) if number.isdecimal() else -1]):
            return _vote(row)
        raise not_found("vote", id, [vote.id for vote in self.list()])

    def list(self, model: str | None = None) -> builtins.list[Vote]:
        """Return the votes, newest first, of all base models or of one."""
        where, values = ("model = ?", [model]) if model is not None else ("1", [])
        return [_vote(row) for row in self._db.table("votes").rows_where(where, values, order_by="id desc")]

    def remove(self, id: str) -> None:
        """Take a vote back.

        Raises:
            NotFound: there is none.
        """
        vote = self.get(id)
        with write(self._db):
            self._db.execute("delete from votes where id = ?", [int(vote.id.removeprefix("v"))])


def pairs(votes: Iterable[Vote]) -> Iterator[dict[str, str]]:
    """Yield what preference training reads: `prompt`, `chosen`, `rejected`, a row for each answer beaten.

    Ties, and answers that say the same as the better one, teach nothing and are left out.
    """
    for vote in votes:
        if vote.winner is None:
            continue
        chosen = vote.candidates[vote.winner].text
        for rejected in dict.fromkeys(each.text for each in vote.candidates):
            if rejected != chosen:
                yield {"prompt": vote.prompt, "chosen": chosen, "rejected": rejected}


def _vote(row: Mapping[str, Any]) -> Vote:
    return Vote(
        id=f"v{row['id']}",
        model=row["model"],
        prompt=row["prompt"],
        references=tuple(json.loads(row["reference_texts"])),
        candidates=tuple(Candidate(**each) for each in json.loads(row["candidates"])),
        winner=row["winner"],
        sampling=json.loads(row["sampling"]),
        created=row["created"],
    )
