"""The screens in a browser: who is let in, what the page loads, and that it is the workbench."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession, CookieJar, WSMsgType

SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A server, by what it told its user."""

    place: str
    key: str
    process: subprocess.Popen[str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`workbench --web` on an empty store."""
    if importlib.util.find_spec("textual_serve") is None:
        pytest.skip("textual-serve is not installed: pip install 'finetuning-workbench[web]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = tmp_path_factory.mktemp("web") / "store"
    line = [sys.executable, "-P", "-m", "workbench", "--store", str(root), "--web", "--port", str(port)]
    here = tmp_path_factory.mktemp("here")
    (here / "click.py").write_text("raise SystemExit('what lies in the current folder is not to be run')\n")
    environment = {**os.environ, "TERM": "dumb"}
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment, cwd=here)
    assert process.stderr is not None
    told = re.search(r"http://(127\.0\.0\.1:\d+)/\?key=(\S+)", process.stderr.readline())
    assert told is not None
    yield Served(told[1], told[2], process)
    process.send_signal(signal.SIGINT)
    process.wait(10)


async def test_only_the_address_with_its_key_opens_the_page(served: Served) -> None:
    """Neither other users of the machine nor other sites in the user's browser get in."""
    url = f"http://{served.place}/"
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as stranger:
        assert (await stranger.get(url)).status == 403
        assert (await stranger.get(f"{url}?key=guessed")).status == 403
        assert (await stranger.get(f"{url}ws")).status == 403
        assert (await stranger.get(f"{url}static/js/textual.js")).status == 403
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as user:
        page = await user.get(f"{url}?key={served.key}")
        assert page.status == 200
        assert served.key not in str(page.url)
        assert "textual-terminal" in await page.text()
        assert (await user.get(f"{url}static/js/textual.js")).status == 200
        assert (await user.get(url, headers={"Origin": "http://elsewhere.example"})).status == 403
        assert (await user.get(url, headers={"Host": "elsewhere.example"})).status == 403


async def test_the_page_loads_nothing_from_elsewhere(served: Served) -> None:
    """textual-serve's page names a foreign font: the browser is told not to fetch it."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as user:
        page = await user.get(f"http://{served.place}/?key={served.key}")
    policy = page.headers["Content-Security-Policy"]
    assert set(re.findall(r"\w+://[^\s;]+", policy)) == {f"ws://{served.place}"}


async def test_the_browser_gets_the_screens_and_its_keys_work(served: Served) -> None:
    """Over the page's own connection: drawn in full colour, `?` shows the keys, and `q` ends it."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as user:
        await user.get(f"http://{served.place}/?key={served.key}")
        drawn = b""
        async with (
            user.ws_connect(f"ws://{served.place}/ws?width=100&height=30") as line,
            asyncio.timeout(SECONDS),
        ):
            shown = iter(["1 Runs", "Start a training run"])
            awaited = next(shown, None)
            async for message in line:
                drawn += message.data if message.type is WSMsgType.BINARY else b""
                plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", drawn).decode(errors="replace")
                if awaited is None:  # ? has opened the list of keys, and closed it
                    await line.send_json(["stdin", "q"])
                elif awaited in plain:
                    await line.send_json(["stdin", "?"])
                    awaited = next(shown, None)
    assert awaited is None
    assert b"38;2;" in drawn


def test_without_textual_serve_the_remedy_is_told(workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    monkeypatch.delitem(sys.modules, "workbench.cli.web", raising=False)
    answer = workbench("--web")
    assert answer.code == 1
    assert "pip install 'finetuning-workbench[web]'" in answer.error


def test_a_port_that_is_taken_is_told(workbench) -> None:
    """With the way out."""
    pytest.importorskip("textual_serve", reason="textual-serve is not installed")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        answer = workbench("--web", "--port", str(other.getsockname()[1]))
    assert answer.code == 1
    assert "--port" in answer.error


def test_the_web_takes_no_command(workbench) -> None:
    """`workbench --web run list` is a mistake."""
    answer = workbench("--web", "run", "list")
    assert answer.code == 2
    assert "no command" in answer.error
