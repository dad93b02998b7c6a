"""GGUF files, made by llama.cpp's own converters where they are installed; none of it is done here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from store.errors import Unavailable
from workbench.processes import worker_environment

MODEL, ADAPTER = "convert_hf_to_gguf.py", "convert_lora_to_gguf.py"
PLACE = "WORKBENCH_LLAMA_CPP"
"""The environment's name for llama.cpp's folder."""


def find(script: str) -> Path:
    """Find a converter: in the folder that the environment names, else on the PATH.

    Raises:
        Unavailable: It is not there.
    """
    named = os.environ.get(PLACE)
    # Never from the current folder: what lies there may have come with somebody's download.
    place = str(Path(named).expanduser() / script) if named else shutil.which(script)
    if place is None or not Path(place).is_file():
        where = f"not in {PLACE} ({named})" if named else "not on the PATH"
        raise Unavailable(
            f"llama.cpp's {script} is {where}",
            f"get llama.cpp's source with its Python requirements, and let {PLACE} name its folder",
        )
    return Path(place).resolve()


def convert(script: Path, source: Path, target: Path, base: Path | None = None) -> None:
    """Convert a model's or an adapter's folder.

    Args:
        script: What `find` found.
        source: The folder.
        target: The file to write.
        base: Of an adapter, its base model's folder.

    Raises:
        Unavailable: The converter failed.
    """
    about = [] if base is None else ["--base", str(base)]
    made = subprocess.run(
        [sys.executable, str(script), *about, "--outfile", str(target), str(source)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=target.parent,
        env=worker_environment(),
        check=False,
    )
    if made.returncode or not target.is_file():
        lines = made.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unavailable(
            f"llama.cpp's {script.name} failed ({lines[-1][:300] if lines else 'it said nothing'})",
            "see whether it knows this architecture, and has its requirements installed",
        )
