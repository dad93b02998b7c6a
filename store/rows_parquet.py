"""Rows of Parquet files, one batch at a time; alone in needing pyarrow, loaded when a file is read."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.errors import BadInput, one_line
from store.lines import Item

BATCH_ROWS = 256
MAX_GROUP_BYTES = 16 * 1024**3


def parquet_items(path: Path, begin: int) -> Iterator[Item]:
    """Yield the rows of a Parquet file from the begin-th on; an item's offset is its row's number from 0.

    Raises:
        BadInput: the file is truncated, damaged or claims an absurd size.
    """
    import pyarrow

    try:
        yield from _rows(path, begin)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BadInput(
            f"{path.name} is not a readable Parquet file: {reason}", "get the file again"
        ) from error


def _rows(path: Path, begin: int) -> Iterator[Item]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        first = 0
        for group in range(file.metadata.num_row_groups):
            described = file.metadata.row_group(group)
            if described.total_byte_size > MAX_GROUP_BYTES:
                raise BadInput(
                    f"{path.name}: row group {group} claims 16 GiB or more", "write smaller row groups"
                )
            if first + described.num_rows > begin:
                yield from _group_rows(file, group, first, begin)
            first += described.num_rows


def _group_rows(file: Any, group: int, number: int, begin: int) -> Iterator[Item]:
    for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], use_threads=False):
        if number + batch.num_rows > begin:
            skipped = max(0, begin - number)
            yield from plain_items(batch.slice(skipped), number + skipped, number + skipped)
        number += batch.num_rows


def plain_items(batch: Any, offset: int, number: int) -> Iterator[Item]:
    """Make items of a few rows of Arrow's values.

    Args:
        batch: the rows.
        offset: where reading can begin again at the first of them; the next one's is greater by one.
        number: of the first row, from 0.
    """
    try:
        rows: list[Any] = batch.to_pylist()
    except (ValueError, OverflowError):  # one value that Python cannot hold: find it, and keep the others
        rows = [batch.slice(position, 1) for position in range(batch.num_rows)]
    for position, row in enumerate(rows):
        try:
            values = row if isinstance(row, dict) else row.to_pylist()[0]
            plain, reason = {key: _plain(value) for key, value in values.items()}, ""
        except (ValueError, OverflowError) as error:
            plain, reason = None, one_line(str(error))[:200]
        yield Item(offset + position, number + position + 1, plain, reason)


def _plain(value: Any) -> Any:
    """Turn a value of Arrow's types into one of JSON's; a NaN is what pandas writes for a missing number."""
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return None
        raise ValueError(f"{value} is not a number that JSON knows")
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, datetime.timedelta)):
        return str(value)
    return value


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")
