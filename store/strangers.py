"""Rows of the catalog that no command of ours has written: every list leaves them out, and they are told.

The catalog may be anybody's file. A name that cannot be one of a folder, or a text where a number belongs, is
no record; it can be taken out, into the trash.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from store.errors import BadInput, StoreError, not_found
from store.files import NAME, inside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlite_utils import Database

Kept = Literal["model", "dataset", "adapter"]
SHOWN = 3
NAMED_LENGTH = 128
"""Of the longest name that is told in a command."""
# As `files.NAME` has it; a NUL would end what SQLite compares.
NAMED = """typeof(name) = 'text' and length(name) <= 128 and instr(name, char(0)) = 0
    and name glob '[A-Za-z0-9]*' and name not glob '*[^A-Za-z0-9._-]*'"""


def _kinds(texts: str, numbers: str) -> str:
    kinds = [f"typeof({each}) = 'text'" for each in texts.split()]
    kinds += [f"typeof({each}) in ('integer', 'real')" for each in numbers.split()]
    return " and ".join([NAMED, *kinds])


# What is no JSON would end the query, wherever it stands in it.
_COLUMNS = """case when json_valid(columns) then json_type(columns) = 'array'
    and not exists (select 1 from json_each(columns) where type != 'text') end"""
_SPLITS = """case when json_valid(splits) then json_type(splits) = 'object'
    and not exists (select 1 from json_each(splits) where type != 'integer') end"""
SOUND: dict[Kept, str] = {
    "model": _kinds("family architecture dtype source fingerprint", "parameters bytes vocabulary created")
    + " and family in ('causal', 'seq2seq') and typeof(revision) in ('text', 'null')"
    + " and typeof(max_length) in ('integer', 'null')",
    "dataset": _kinds("source format columns splits fingerprint", "bytes bad_lines created")
    + f" and {_COLUMNS} and {_SPLITS}",
    "adapter": _kinds("model model_fingerprint method peft_type fingerprint", "trainable bytes created")
    + " and typeof(run) in ('text', 'null')",
}
"""What holds of a row that is a record, as SQL."""


def told(db: Database, noun: Kept) -> StoreError | None:
    """Tell of the rows that are left out, and how to be rid of them; None where there are none."""
    where = f"({SOUND[noun]}) is not 1"
    names = [row["name"] for row in db.table(f"{noun}s").rows_where(where, select="name")]
    return strange(noun, names) if names else None


def strange(noun: str, names: list[object]) -> StoreError:
    """Make the error that tells of rows by what stands in the place of their names."""
    shown = ", ".join(repr(name)[:80] for name in names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
    # A text that is not UTF-8 is read with a mark in it, and cannot be asked for.
    texts = [
        name for name in names if isinstance(name, str) and len(name) <= NAMED_LENGTH and "\ufffd" not in name
    ]
    if len(names) == 1:
        what = f"a row of the catalog is no {noun} and is left out: {shown}"
    else:
        what = f"{len(names)} rows of the catalog are no {noun}s and are left out: {shown}"
    if noun == "run" or not texts:
        return BadInput(what, "delete them with the program that wrote them")
    dashes = "-- " if texts[0].startswith("-") else ""
    return BadInput(what, f"take it out: workbench {noun} remove {dashes}{shlex.quote(texts[0])}")


def missing(db: Database, noun: Kept, name: str, known: Iterable[str]) -> StoreError:
    """Make the error for a name that is not in the store, or whose row is no record."""
    return strange(noun, [name]) if is_stranger(db, noun, name) else not_found(noun, name, known)


def is_stranger(db: Database, noun: Kept, name: str) -> bool:
    """Tell whether there is a row of that name that is no record."""
    return bool(db.table(f"{noun}s").count_where(f"name = ? and ({SOUND[noun]}) is not 1", [name]))


def folder_of(root: Path, noun: Kept, name: str) -> Path | None:
    """Return the folder of a row; None where no folder can have its name."""
    return inside(root, f"{noun}s", name) if NAME.fullmatch(name) else None
