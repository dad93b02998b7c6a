"""Rows of Parquet files, one batch at a time; alone in needing pyarrow, loaded when a file is read."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.errors import BadInput
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
    except (pyarrow.ArrowException, OSError) as error:
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
            for position, row in enumerate(batch.slice(skipped).to_pylist(), start=number + skipped):
                yield _item(position, row)
        number += batch.num_rows


def _item(number: int, row: dict[str, Any]) -> Item:
    try:
        return Item(number, number + 1, {key: _plain(value) for key, value in row.items()}, "")
    except ValueError as error:
        return Item(number, number + 1, None, str(error))


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
