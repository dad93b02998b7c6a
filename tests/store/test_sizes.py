"""A size is short, and the same wherever it stands."""

from __future__ import annotations

import math

import pytest

from store.sizes import bytes_text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 kB"),
        (1000 * 1024**2, "1000 MB"),
        (139 * 1024**3, "139 GB"),
        (3 * 1024**4, "3 TB"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_sizes_are_short(count: float | None, text: str) -> None:
    assert bytes_text(count) == text
