"""The tour's pictures: each stop shows what its text speaks of, in a file that any browser draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from store import Store
from store.errors import Unavailable
from workbench.handbook.tour import STOPS
from workbench.tui import picture


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures for people wait until a reading of the machine is drawn; these need not."""
    monkeypatch.setattr(picture, "SETTLE_SECONDS", 0.1)


def test_every_stop_is_drawn(
    stocked: Store,
    enter_run: Callable[..., str],
    finish: Any,
    fake_server: Callable[..., Any],
    tmp_path: Path,
) -> None:
    finish.publish(stocked, enter_run(stocked, "demo", outcome="running"), "demo")
    finish.evaluate(stocked, "demo")
    fake_server(stocked, {None: "I do not know.", "demo": "Ben brings apples."})
    saved = picture.save_stops(stocked.root, tmp_path / "pictures")
    assert [path.stem.partition("-")[2] for path in saved] == [stop.name for stop in STOPS]
    for path, stop in zip(saved, STOPS, strict=True):
        ElementTree.parse(path)  # noqa: S314 (our own file)
        drawn = path.read_text(encoding="utf-8").replace("&#160;", " ")
        assert stop.shows in drawn
        assert "http" not in drawn.replace("http://www.w3.org", "").replace("https://www.textualize.io", "")


def test_a_stop_that_does_not_come_is_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "STOP_SECONDS", 1)
    with pytest.raises(Unavailable, match="stop 'runs' does not show"):
        picture.save_stops(store.root, tmp_path)
