"""The card of a dataset's folder: everything the catalog knows of it, and how its files are read."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Any

from store.configs import dump
from store.division import Plan
from store.entries import CARD
from store.errors import BadInput, Conflict
from store.files import combine
from store.pieces import Intake, Piece, piece_from

BAD_LINES = "bad_lines.jsonl"
_TEXTS = ("name", "source", "format", "fingerprint")
_NUMBERS = ("bytes", "bad_lines", "created")
FIELDS = ("name", "source", "format", "columns", "splits", "bytes", "bad_lines", "fingerprint", "created")


def write_card(intake: Intake, name: str, source: str) -> dict[str, Any]:
    """Write the staged folder's bad lines and its card, and return the card.

    Raises:
        BadInput: the splits have different columns.
    """
    first = next(iter(intake.columns.values()))
    for split, columns in intake.columns.items():
        if columns.keys() != first.keys():
            differing = ", ".join(sorted(columns.keys() ^ first.keys()))
            raise BadInput(
                f"the split {split!r} has other columns than {next(iter(intake.columns))!r}: {differing}",
                "give all splits the same columns, or add them as datasets of their own",
            )
    if intake.bad:
        lines = (json.dumps(asdict(bad), ensure_ascii=False) for bad in intake.bad)
        (intake.folder / BAD_LINES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    about = {"name": name, "source": source, "columns": list(first), "bad_lines": intake.bad_count}
    card = described(intake.pieces, {**about, "created": time.time()})
    (intake.folder / CARD).write_text(dump(card), encoding="utf-8")
    return card


def described(pieces: list[Piece], about: dict[str, Any]) -> dict[str, Any]:
    """Return a card with all that follows from its pieces and from those kept from before a division."""
    digests = {f"{piece.split}/{number}": piece.sha256 for number, piece in enumerate(pieces)}
    sizes = {piece.file: piece.bytes for piece in [*pieces, *kept_pieces(about)]}
    return {
        **about,
        "format": ", ".join(dict.fromkeys(piece.layout.format for piece in pieces)),
        "bytes": sum(sizes.values()),
        "fingerprint": combine(digests),
        "pieces": [asdict(piece) for piece in pieces],
    }


def divided_card(card: dict[str, Any], plan: Plan, made: list[Piece]) -> dict[str, Any]:
    """Return the card with the pieces of a division, and those that they replace kept under `before`."""
    old = [piece for piece in card["pieces"] if piece["split"] == plan.source]
    others = [piece_from(piece) for piece in card["pieces"] if piece not in old]
    before = {
        "splits": [plan.source, *plan.shares],
        "seed": plan.seed,
        "shares": dict(plan.shares),
        "by": [*plan.by],
        "pieces": old,
        "before": card.get("before"),
    }
    return described(made + others, {**card, "before": before})


def undivided(card: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the card as it was before its last division, and the files that nothing needs any more.

    Raises:
        Conflict: there was no division.
    """
    before = card.get("before")
    if before is None:
        raise Conflict(f"{card['name']} was not divided", "`workbench dataset split` divides a split")
    made = [piece for piece in card["pieces"] if piece["split"] in before["splits"]]
    others = [piece for piece in card["pieces"] if piece not in made]
    pieces = [piece_from(piece) for piece in before["pieces"] + others]
    gone = [part for piece in made for part in (piece["index"], piece["file"])]
    return described(pieces, {**card, "before": before["before"]}), gone


def kept_pieces(card: dict[str, Any]) -> list[Piece]:
    """Return the pieces that divisions have replaced, of which the files are still there."""
    kept: list[Piece] = []
    while (before := card.get("before")) is not None:
        kept += [piece_from(piece) for piece in before["pieces"]]
        card = before
    return kept


def row_of(card: dict[str, Any]) -> dict[str, Any]:
    """Return the catalog's row of a card.

    Raises:
        KeyError, TypeError: another program or a hand has written it.
    """
    splits: dict[str, int] = {}
    for piece in card["pieces"]:
        splits[piece["split"]] = splits.get(piece["split"], 0) + piece["rows"]
    texts = [*card["columns"], *splits, *(card[key] for key in _TEXTS)]
    sound = isinstance(card["columns"], list) and all(isinstance(text, str) for text in texts)
    sound = sound and all(isinstance(rows, int) for rows in splits.values())
    if not sound or not all(isinstance(card[key], (int, float)) for key in _NUMBERS):
        raise TypeError(card["name"])
    row = {**card, "columns": json.dumps(card["columns"]), "splits": json.dumps(splits)}
    return {field: row[field] for field in FIELDS}
