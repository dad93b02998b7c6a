"""`workbench serve`: what is wrong with how it was asked is told before any model is loaded."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.serving import TOKEN_VARIABLE

Call = Callable[..., Any]


@pytest.mark.parametrize("token", ["short", "a token with blanks in it", "umlauts-äöü-are-no-header"])
def test_a_token_that_guards_nothing_is_refused(
    workbench: Call, tiny_causal: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    workbench("model", "add", tiny_causal, "--name", "m")
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    refused = workbench("serve", "--port", "0")
    assert refused.code == 1
    assert refused.error.startswith(f"error: {TOKEN_VARIABLE} is no good token")
    assert token not in refused.err


def test_a_port_that_is_taken_is_told(workbench: Call, root: Path, tiny_causal: Path) -> None:
    workbench("model", "add", tiny_causal, "--name", "m")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["--store", str(root), "serve", "--port", str(port)]
        told = subprocess.run(
            [sys.executable, "-m", "workbench", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | {TOKEN_VARIABLE: "x" * 20},
        )
    assert told.returncode == 1
    assert f"error: port {port} cannot be had (Address already in use); choose another --port" in told.stderr
    assert not list((root / "serve").glob("*.http"))


def test_a_server_that_is_not_there_is_not_well(workbench: Call, tiny_causal: Path) -> None:
    workbench("model", "add", tiny_causal, "--name", "m")
    refused = workbench("serve", "--check")
    assert (refused.code, refused.error) == (
        1,
        "error: model 'm' has no server; start one: workbench serve --model m",
    )
