"""Compressed files: unpacked on the way in, refused when they are damaged or unpack without end."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

from store import BadInput, Store

ROWS = [{"n": number, "text": f"Zeile {number} ÄÖ"} for number in range(600)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: bytes(pyarrow.compress(content, codec="zstd", asbytes=True)),
}


@pytest.mark.parametrize("packing", PACK)
def test_a_compressed_file_is_kept_unpacked_and_paged_like_any_other(
    store: Store, tmp_path: Path, packing: str
) -> None:
    path = tmp_path / f"rows.jsonl{packing}"
    path.write_bytes(PACK[packing](LINES))
    dataset = store.datasets.add(path)
    assert (dataset.name, dataset.format, dataset.splits) == ("rows", "jsonl", {"train": 600})
    assert (dataset.path / "train.jsonl").read_bytes() == LINES
    assert list(store.datasets.rows("rows", "train", 511, 2)) == ROWS[511:513]


@pytest.mark.parametrize("packing", PACK)
def test_one_file_of_several_streams_is_read_whole(store: Store, tmp_path: Path, packing: str) -> None:
    """As `cat a.gz b.gz` makes it, and parallel packers."""
    path = tmp_path / f"rows.jsonl{packing}"
    path.write_bytes(PACK[packing](LINES[:5000]) + PACK[packing](LINES[5000:]))
    assert list(store.datasets.rows(store.datasets.add(path).name)) == ROWS


def test_a_compressed_file_has_the_fingerprint_of_its_content(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.jsonl.xz").write_bytes(lzma.compress(LINES))
    plain, packed = (store.datasets.add(tmp_path / name) for name in ("a.jsonl", "b.jsonl.xz"))
    assert plain.fingerprint == packed.fingerprint


@pytest.mark.parametrize("name", ["t.csv.gz", "t.tsv.bz2", "t.json.xz", "t.txt.gz", "T.CSV.GZ"])
def test_every_format_may_be_compressed(store: Store, tmp_path: Path, name: str) -> None:
    stem = name.lower().removeprefix("t.")
    content = {"csv": b"text\na\nb\n", "tsv": b"text\na\nb\n", "txt": b"a\nb\n"}.get(
        stem.split(".")[0], b'[{"text": "a"}, {"text": "b"}]'
    )
    (tmp_path / name).write_bytes(PACK[f".{stem.split('.')[1]}"](content))
    dataset = store.datasets.add(tmp_path / name)
    assert [row["text"] for row in store.datasets.rows(dataset.name)] == ["a", "b"]


def test_splits_in_a_folder_may_be_compressed(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.jsonl.gz").write_bytes(gzip.compress(LINES))
    (folder / "test.jsonl").write_bytes(LINES)
    assert store.datasets.add(folder).splits == {"train": 600, "test": 600}


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("damage", ["cut off", "other bytes", "empty"])
def test_a_damaged_file_is_refused_in_one_line_and_nothing_is_kept(
    store: Store, tmp_path: Path, packing: str, damage: str
) -> None:
    packed = PACK[packing](LINES)
    middle = len(packed) // 2
    broken = {
        "cut off": packed[:middle],
        "other bytes": packed[:middle] + os.urandom(64) + packed[middle + 64 :],
        "empty": b"",
    }
    path = tmp_path / f"rows.jsonl{packing}"
    path.write_bytes(broken[damage])
    with pytest.raises(BadInput) as caught:
        store.datasets.add(path)
    assert path.name in caught.value.what and caught.value.remedy
    assert not list((store.root / "datasets").iterdir()) and not list((store.root / ".staging").iterdir())


@pytest.mark.parametrize("packing", PACK)
def test_a_file_that_unpacks_without_end_is_refused_early(store: Store, tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"bomb.jsonl{packing}"
    path.write_bytes(PACK[packing](b" " * (120 << 20)))
    assert path.stat().st_size < 200_000
    with pytest.raises(BadInput, match="unpacks to more than 200 times its size"):
        store.datasets.add(path)
    assert not list((store.root / ".staging").iterdir())


def test_an_xz_file_that_asks_for_gigabytes_of_memory_is_refused(store: Store, tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    packed = bytearray(lzma.compress(LINES, format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE, filters=filters))
    place = packed.index(b"\x21\x01") + 2  # the filter's id and the size of its one property
    packed[place] = 40  # 4 GiB - 1
    header = packed[12 : place + 1].ljust((packed[12] + 1) * 4 - 4, b"\0")
    packed[12 + len(header) : 12 + len(header) + 4] = lzma_crc(bytes(header))
    (tmp_path / "a.jsonl.xz").write_bytes(packed)
    with pytest.raises(BadInput, match="cannot be unpacked: Memory usage limit"):
        store.datasets.add(tmp_path / "a.jsonl.xz")


def lzma_crc(content: bytes) -> bytes:
    import zlib

    return zlib.crc32(content).to_bytes(4, "little")


@pytest.mark.parametrize(("name", "remedy"), [("a.zip", "unzip a.zip"), ("a.tar.gz", "tar xf a.tar.gz")])
def test_an_archive_is_refused_with_the_command_that_unpacks_it(
    store: Store, tmp_path: Path, name: str, remedy: str
) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(BadInput, match=remedy):
        store.datasets.add(tmp_path / name)
