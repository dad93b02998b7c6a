"""kill -9 of a real model server while it speaks: the screen says so at once, and the answer comes anyway."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from store import Store
from workbench import client
from workbench.link import Sampling
from workbench.tui.screens.answers import Answers

SAID_SECONDS = 2.0
LONG = Sampling(max_new_tokens=3000)


@pytest.fixture
def served(worked: Store) -> Iterator[Store]:
    """A store whose model servers end with the test."""
    yield worked
    for server in client.server_status(worked.root):
        client.stop_server(worked.root, server.model)


def words_so_far(pilot: Any) -> str:
    answers: str = pilot.app.screen.query_one(Answers).answers[0].text
    return answers


async def until_it_speaks(pilot: Any) -> None:
    end = time.monotonic() + 120
    while not words_so_far(pilot):
        assert time.monotonic() < end
        await pilot.pause(0.1)


async def test_a_killed_server_is_told_within_two_seconds_and_started_again(
    served: Store, opened: Any, look: Any
) -> None:
    async with opened(served.root) as pilot:
        await pilot.press("6")
        await look.wait(pilot, "reference:")
        pilot.app.screen._sampling = LONG
        await pilot.press("g", "j", "space", "a")  # the base alone
        await until_it_speaks(pilot)
        (server,) = client.server_status(served.root)
        os.kill(server.pid, signal.SIGKILL)
        await look.wait(pilot, "it is started again (1 of 3)", SAID_SECONDS)
        assert words_so_far(pilot) == ""
        await until_it_speaks(pilot)
        (fresh,) = client.server_status(served.root)
        assert fresh.pid != server.pid
        await pilot.press("x")
        await look.wait(pilot, "the answers were stopped")
