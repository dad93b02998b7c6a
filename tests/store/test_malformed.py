"""A thousand malformed data files: each gives rows or one clear error, in time, and never anything else."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from store import Store, StoreError

SEEDS = 1000
BATCHES = 10
LONGEST_SECONDS = 2.0
TEXTS = [
    "plain",
    "ÄÖÜ",
    "漢字",
    "🍎",
    'a "quote"',
    "tab\tline\nbreak\r\n",
    "\u2028",
    "",
    " ",
    "x" * 5000,
    "\\",
]
ENDINGS = ("jsonl", "json", "csv", "tsv", "txt", "parquet", "arrow")
ODD_TEXTS = [
    b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b'{"a": "\\udc00\\ud800"}',
    b'{"a": 1, "a": 2}', b'{"a": 1,}', b"{'a': 1}", b'{"": {"": []}}', b'{"a": "\\u0000"}', b"[]", b"null",
    b'{"a": ' + b"9" * 5000 + b"}", b'"', b'"a","b', b"\xff\xfe\x00", b"\xef\xbb\xbf", b"\xed\xa0\x80",
    b'{"a": ' + b"[" * 3000 + b"]" * 3000 + b"}", b"a,a\n", b",,,\n", b"\r", b"\r\n\r\n", b'""""""\n', b"}{",
    "{\"ключ\": \"значение\"}".encode("cp1251"), '{"a": "é"}'.encode("latin-1"), "a;b\nä\n".encode("utf-16"),
    b"\xc2\x85\xe2\x80\xa8", b'{"a": {"b": ' * 40 + b"1" + b"}}" * 40, b'{"a": tru', b"[[[[", b"\x00",
]  # fmt: skip


def good(kind: str, source: random.Random, path: Path) -> bytes:
    """Return the content of a good file of a format."""
    rows = [
        {"n": number, "text": source.choice(TEXTS), "parts": [source.choice(TEXTS)] * source.randrange(3)}
        for number in range(source.randrange(1, 60))
    ]
    if kind in ("parquet", "arrow"):
        table = pyarrow.Table.from_pylist(rows)
        if kind == "parquet":
            pyarrow.parquet.write_table(table, path, compression=source.choice(["none", "snappy", "zstd"]))
        elif source.random() < 0.5:
            pyarrow.feather.write_feather(table, path, source.choice(["uncompressed", "lz4"]))
        else:
            with pyarrow.ipc.new_stream(str(path), table.schema) as writer:
                writer.write_table(table, max_chunksize=7)
        return path.read_bytes()
    if kind == "json":
        shape = source.choice([rows, {"train": rows, "test": rows}, {"version": "1", "data": rows}])
        return json.dumps(shape, indent=source.choice([None, 2]), ensure_ascii=False).encode()
    if kind == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=source.random() < 0.5) + "\n" for row in rows).encode()
    between = "\t" if kind == "tsv" else ","
    quoted = ('"' + str(row["text"]).replace('"', '""') + '"' for row in rows)
    return f"n{between}text\n".encode() + "".join(f"1{between}{text}\n" for text in quoted).encode()


def cut(content: bytes, source: random.Random) -> bytes:
    return content[: source.randrange(len(content) + 1)]


def flip(content: bytes, source: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(source.randrange(1, 20)):
        if changed:
            changed[source.randrange(len(changed))] = source.randrange(256)
    return bytes(changed)


def insert(content: bytes, source: random.Random) -> bytes:
    for _ in range(source.randrange(1, 4)):
        place = source.randrange(len(content) + 1)
        content = content[:place] + source.choice(ODD_TEXTS) + content[place:]
    return content


def drop(content: bytes, source: random.Random) -> bytes:
    place = source.randrange(len(content) + 1)
    return content[:place] + content[place + source.randrange(200) :]


def garbage(_: bytes, source: random.Random) -> bytes:
    return source.randbytes(source.randrange(2000))


def odd_lines(_: bytes, source: random.Random) -> bytes:
    return b"\n".join(source.choice(ODD_TEXTS) for _ in range(source.randrange(30)))


def other_encoding(content: bytes, source: random.Random) -> bytes:
    return content.decode("utf-8", "replace").encode(source.choice(["utf-16", "utf-32-le", "utf-8-sig"]))


def huge_line(content: bytes, source: random.Random) -> bytes:
    place = source.randrange(len(content) + 1)
    return (
        content[:place]
        + source.choice([b"[", b'"', b"{", b"x", b"\\", b",", b"9"]) * 400_000
        + content[place:]
    )


def ragged(content: bytes, source: random.Random) -> bytes:
    return content.replace(b",", source.choice([b"", b",,", b"\n", b'"']), source.randrange(1, 30))


def repeat(content: bytes, source: random.Random) -> bytes:
    return content * source.randrange(2, 4)


HARMS: list[Callable[[bytes, random.Random], bytes]] = [
    cut, flip, insert, drop, garbage, odd_lines, other_encoding, huge_line, ragged, repeat,
]  # fmt: skip


def malformed(seed: int, folder: Path) -> Path:
    """Write the file of a seed: a good one harmed once or twice, at times packed and harmed again."""
    source = random.Random(seed)
    kind = ENDINGS[seed % len(ENDINGS)]
    content = good(kind, source, folder / "good")
    for _ in range(source.choice([1, 1, 2])):
        content = source.choice(HARMS)(content, source)
    path = folder / f"f{seed}.{kind}"
    if source.random() < 0.15:
        ending, pack = source.choice([(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
        path, content = path.with_name(path.name + ending), pack(content)
        content = source.choice([cut, flip, insert])(content, source)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_malformed_file_gives_rows_or_one_clear_error_in_time(
    store: Store, tmp_path: Path, batch: int
) -> None:
    told, read = 0, 0
    for seed in range(batch, SEEDS, BATCHES):
        path = malformed(seed, tmp_path)
        started = time.monotonic()
        try:
            dataset = store.datasets.add(path, on_bad="skip" if seed % 3 else "refuse")
            rows = list(store.datasets.rows(dataset.name))
            assert len(rows) == dataset.rows > 0
            json.dumps(rows, allow_nan=False).encode()
            first = next(iter(dataset.splits))
            store.datasets.find(dataset.name, first, "plain", backwards=bool(seed % 2))
            store.datasets.statistics(dataset.name)
            read += 1
        except StoreError as error:
            assert error.what and error.remedy and "\n" not in str(error), path.name
            assert len(error.what) < 2000, path.name
            told += 1
        seconds = time.monotonic() - started
        assert seconds < LONGEST_SECONDS, f"{path.name} took {seconds:.1f} s"
    assert told > 20 and read > 20
    assert not list((store.root / ".staging").iterdir())
