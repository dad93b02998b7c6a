"""GGUF: where llama.cpp's converters are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.errors import Unavailable
from workbench.adapters import gguf


def test_a_converter_in_the_current_folder_is_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have come with a downloaded adapter; what the environment names is another matter."""
    (tmp_path / gguf.MODEL).write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(gguf.PLACE, raising=False)
    with pytest.raises(Unavailable, match="not on the PATH"):
        gguf.find(gguf.MODEL)
    monkeypatch.setenv(gguf.PLACE, str(tmp_path))
    assert gguf.find(gguf.MODEL) == tmp_path / gguf.MODEL
