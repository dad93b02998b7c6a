"""Rows of Arrow IPC files, streams as `save_to_disk` writes them and files with a footer, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from store.errors import BadInput
from store.lines import Item
from store.rows_parquet import BATCH_ROWS, plain_items

FILE_MAGIC = b"ARROW1"
# An item's offset names its batch in the upper bits and its row within it in the lower ones.
ROW_BITS = 24


def arrow_items(path: Path, begin: int) -> Iterator[Item]:
    """Yield the rows of an Arrow file from the offset of an earlier item on.

    Raises:
        BadInput: the file is truncated or damaged, or a batch of it has more than 16 million rows.
    """
    import pyarrow

    try:
        yield from _rows(path, begin)
    except (pyarrow.ArrowException, OSError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BadInput(f"{path.name} is not a readable Arrow file: {reason}", "get the file again") from error


def _rows(path: Path, begin: int) -> Iterator[Item]:
    import pyarrow

    place, skipped = begin >> ROW_BITS, begin & ((1 << ROW_BITS) - 1)
    number = 0
    with pyarrow.OSFile(str(path), "rb") as file:
        is_file = file.read(len(FILE_MAGIC)) == FILE_MAGIC
        file.seek(0)
        for at, batch in _batches_of_file(file, place) if is_file else _batches_of_stream(file, place):
            if batch.num_rows >= 1 << ROW_BITS:
                raise BadInput(f"{path.name} has a batch of {batch.num_rows:,} rows", "write smaller batches")
            batch.validate(full=True)  # a wrong offset in a damaged file would be read as memory
            for start in range(skipped, batch.num_rows, BATCH_ROWS):
                yield from plain_items(
                    batch.slice(start, BATCH_ROWS), at << ROW_BITS | start, number + start - skipped
                )
            number += batch.num_rows - skipped
            skipped = 0


def _batches_of_file(file: Any, place: int) -> Iterator[tuple[int, Any]]:
    import pyarrow.ipc

    reader = pyarrow.ipc.open_file(file)
    for number in range(place, reader.num_record_batches):
        yield number, reader.get_batch(number)


def _batches_of_stream(file: Any, place: int) -> Iterator[tuple[int, Any]]:
    """Yield the batches with the byte where each begins, so that one can be read without those before.

    Batches that share a dictionary cannot be read alone: they are counted, and read from the first.
    """
    import pyarrow.ipc

    reader = pyarrow.ipc.open_stream(file)
    counted = any(_has_dictionary(field.type) for field in reader.schema)
    if place and not counted:
        file.seek(place)
    for number in count():
        at = number if counted else file.tell()
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        if not counted or number >= place:
            yield at, batch


def _has_dictionary(type: Any) -> bool:
    import pyarrow.types

    children = (type.field(number).type for number in range(type.num_fields))
    return bool(pyarrow.types.is_dictionary(type)) or any(_has_dictionary(child) for child in children)
