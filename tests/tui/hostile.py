"""Text that would steer a terminal, and what of an app's output is its own steering."""

from __future__ import annotations

import itertools
import re

OPENINGS = ("\x1b]52;c;", "\x1b]0;", "\x1b]8;;http://evil", "\x1b]9;", "\x1bP", "\x1b_G")
OPENINGS += ("\x1b[", "\x9d0;", "\x9b", "\x90")
MIDDLES = ("EVIL", "2J", "?1049l", "6n", "\r\nEVIL", "[@click=app.quit]EVIL[/]")
"""Each opening with each of these is a payload: sixty."""
ENDS = ("\x07", "\x1b\\", "", "\x9c", "\u202e")
PAYLOADS = tuple(
    opening + middle + ENDS[number % len(ENDS)]
    for number, (opening, middle) in enumerate(itertools.product(OPENINGS, MIDDLES))
)
OURS = re.compile(
    rb"\x1b\[[0-9;]*m"  # colours
    rb"|\x1b\[[0-9]+;[0-9]+H"  # positions
    rb"|\x1b\[\?(1049|1000|1002|1003|1004|1006|1015|1016|2004|2026|2048|25|7)[hl]"  # modes
    rb"|\x1b\]22;[a-z-]*\x07"  # the pointer
    rb"|\x1b\[\?(2026|2048)\$p|\x1b\[[<>][0-9]*u"  # questions
)
NAMES = tuple(each.replace("/", "|").replace("\r\n", "\n") for each in PAYLOADS)
"""Payloads as names of files, which may hold anything but a slash."""


def assert_harmless(seen: bytes) -> None:
    """Raise AssertionError where anything but our own sequences steers the terminal, with what is around."""
    rest = OURS.sub(b"", seen).replace(b"\r\n", b"")
    found = re.search(rb"[\x00-\x1f\x7f]", rest)
    assert found is None, rest[max(found.start() - 80, 0) : found.start() + 80]
    text = rest.decode("utf-8", "replace")
    assert re.search("[\x80-\x9f\u202a-\u202e\u2066-\u2069]", text) is None
