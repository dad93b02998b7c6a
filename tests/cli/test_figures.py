"""Numbers for people: short, with a unit, and honest about what is no number."""

from __future__ import annotations

import math

import pytest

from workbench.cli import figures


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "-"), (0, "0 B"), (814, "814 B"), (12_400, "12.1 kB"), (3.2e12, "2.91 TB")],
)
def test_sizes_are_short(amount: float | None, text: str) -> None:
    """Powers of ten, one digit."""
    assert figures.size(amount) == text


@pytest.mark.parametrize(("amount", "text"), [(0, "0"), (260_032, "260.0 k"), (7_240_000_000, "7.2 G")])
def test_counts_are_short(amount: float, text: str) -> None:
    """As sizes, without bytes."""
    assert figures.count(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (math.inf, "-"), (4.23, "4.2s"), (185, "3m 05s"), (7800, "2h 10m"), (273_600, "3d 4h")],
)
def test_durations_have_two_units(seconds: float | None, text: str) -> None:
    """Whoever waits two days needs no seconds."""
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("before", "text"), [(3, "just now"), (90, "1m ago"), (7300, "2h ago"), (200_000, "2d ago")]
)
def test_moments_are_told_by_their_age(before: float, text: str) -> None:
    """One unit is enough."""
    assert figures.ago(1_000_000 - before, now=1_000_000) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (2.0, "2"), (1.23456, "1.235"), (2e-4, "0.0002"), (math.nan, "nan"), (-math.inf, "-inf")],
)
def test_values_never_hide_a_nan(number: float | None, text: str) -> None:
    """A NaN loss is shown as one."""
    assert figures.value(number) == text
