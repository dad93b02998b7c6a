"""Garbage is collected while no key waits for it, and at last all the same."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from workbench.tui.garbage import MOST_PUT_OFF, Sweeper


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    found: list[bool] = []
    monkeypatch.setattr(gc, "collect", lambda: found.append(True))
    yield found


def made(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    count: Any = (1, 2, times)
    monkeypatch.setattr(gc, "get_count", lambda: count)


def test_a_quiet_moment_is_waited_for_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, collected: list[bool]
) -> None:
    quiet = [0.1]
    sweeper = Sweeper(lambda: quiet[0])
    made(monkeypatch, 3)
    for _ in range(MOST_PUT_OFF - 1):
        sweeper.look()
    assert collected == []
    sweeper.look()
    assert len(collected) == 1
    sweeper.look()
    assert len(collected) == 1
    quiet[0] = 5.0
    sweeper.look()
    assert len(collected) == 2


def test_where_nothing_was_made_nothing_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, collected: list[bool]
) -> None:
    made(monkeypatch, 0)
    Sweeper(lambda: 100.0).look()
    assert collected == []
