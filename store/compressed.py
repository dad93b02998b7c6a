"""Compressed files, unpacked on the way in so that a page is a seek away; a trap for disks is refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from store.errors import BadInput, Unavailable
from store.files import CHUNK_BYTES, in_trash, write_hashed

# Text shrinks to a third or a tenth, a table of repeated rows to a hundredth: what goes far beyond is a trap.
MAX_EXPANSION = 200
FREE_EXPANSION_BYTES = 64 * 1024**2
RESERVE_BYTES = 256 * 1024**2
CHECK_BYTES = 64 * 1024**2
XZ_MEMORY_BYTES = 512 * 1024**2  # `xz -9` asks for 65 MiB; a crafted header may ask for four GiB

ARCHIVES = {".zip": "unzip", ".tar": "tar xf", ".tgz": "tar xf", ".7z": "7z x", ".rar": "unrar x"}


def is_packed(path: Path) -> bool:
    """Tell whether a file's name says that it is compressed."""
    return path.suffix.lower() in PACKINGS


def plain_name(path: Path) -> Path:
    """Return the name that a file has when it is unpacked."""
    return path.with_suffix("") if is_packed(path) else path


def unpack(source: Path, target: Path) -> str:
    """Unpack a file in bounded memory and return the sha256 of its content, in hexadecimal.

    Raises:
        BadInput: it is damaged or cut off, or unpacks to far more than its size.
        Unavailable: the disk is full, or would be.
    """
    allowed = FREE_EXPANSION_BYTES + MAX_EXPANSION * source.stat().st_size
    return write_hashed(_bounded(source, target, allowed), target, source.name)


def _bounded(source: Path, target: Path, allowed: int) -> Iterator[bytes]:
    written = unchecked = 0
    for chunk in _chunks(source):
        written += len(chunk)
        unchecked += len(chunk)
        if written > allowed:
            raise BadInput(
                f"{source.name} unpacks to more than {MAX_EXPANSION} times its size",
                "it may be a trap for disks; if it is honest data, unpack it yourself and add the file",
            )
        if unchecked >= CHECK_BYTES:
            unchecked = 0
            if shutil.disk_usage(target.parent).free < RESERVE_BYTES:
                raise Unavailable(
                    f"the disk is nearly full: {source.name} does not fit unpacked",
                    f"free some space and add it again; nothing was changed{in_trash(target)}",
                )
        yield chunk


def _chunks(source: Path) -> Iterator[bytes]:
    try:
        yield from PACKINGS[source.suffix.lower()](source)
    except EOFError as error:
        raise BadInput(f"{source.name} is cut off before its end", "get the file again") from error
    except (OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the content's
        raise BadInput(f"{source.name} cannot be unpacked: {error}", "get the file again") from error


def _gzip(source: Path) -> Iterator[bytes]:
    with gzip.open(source, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _bzip2(source: Path) -> Iterator[bytes]:
    with bz2.open(source, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _xz(source: Path) -> Iterator[bytes]:
    """Unpack one stream after another; `lzma.open` knows no limit of memory."""
    with source.open("rb") as file:
        packed = file.read(CHUNK_BYTES)
        while packed:
            decoder = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
            while not decoder.eof:
                packed = packed or (_more(file) if decoder.needs_input else b"")
                yield decoder.decompress(packed, CHUNK_BYTES)
                packed = b""
            packed = (decoder.unused_data or file.read(CHUNK_BYTES)).lstrip(b"\0")


def _more(file: BinaryIO) -> bytes:
    chunk = file.read(CHUNK_BYTES)
    if not chunk:
        raise EOFError
    return chunk


def _zstandard(source: Path) -> Iterator[bytes]:
    import pyarrow  # a third of a second: only this format needs it

    if not pyarrow.Codec.is_available("zstd"):
        raise BadInput(f"{source.name} cannot be unpacked here", f"unpack it first: unzstd {source.name}")
    try:
        with pyarrow.CompressedInputStream(pyarrow.OSFile(str(source)), "zstd") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        reason = str(error).splitlines()[0][:200]
        raise BadInput(f"{source.name} cannot be unpacked: {reason}", "get the file again") from error


PACKINGS: dict[str, Callable[[Path], Iterator[bytes]]] = {
    ".gz": _gzip,
    ".bz2": _bzip2,
    ".xz": _xz,
    ".zst": _zstandard,
}
