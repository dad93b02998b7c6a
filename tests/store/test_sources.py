"""Models of the Hub: pinned to a commit, safe files only, one copy with the cache, refusals in one line."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import open_store

# Served by a module beside this one; the tests are no package and not on the path.
_spec = importlib.util.spec_from_file_location("hub", Path(__file__).with_name("hub.py"))
assert _spec is not None and _spec.loader is not None
hub = importlib.util.module_from_spec(_spec)
sys.modules["hub"] = hub
_spec.loader.exec_module(hub)

# One process for several additions: the Hub's library reads its environment once, when it is imported.
ADD = """
import json, sys
from store import StoreError, open_store
with open_store(sys.argv[1]) as store:
    for source, name, revision in json.loads(sys.argv[2]):
        try:
            model = store.models.add(source, name=name, revision=revision)
        except StoreError as error:
            print(json.dumps({"error": type(error).__name__, "what": error.what, "remedy": error.remedy}))
        else:
            print(json.dumps({"name": model.name, "source": model.source, "revision": model.revision,
                "fingerprint": model.fingerprint,
                "links": (model.path / "model.safetensors").stat().st_nlink}))
"""
Wanted = tuple[str, str | None, str | None]  # source, name, revision


@pytest.fixture(scope="module")
def repository(tiny_causal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository as the Hub has them: with code, pickles and pictures beside the safe files."""
    folder = Path(shutil.copytree(tiny_causal, tmp_path_factory.mktemp("hub") / "tiny"))
    for name in ("modeling_evil.py", "pytorch_model.bin", "picture.png", "onnx.safetensors", "optimizer.pt"):
        (folder / name).write_bytes(b"\x80\x04 never to be downloaded")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[Any]:
    """A loopback Hub with an open repository, a gated one, and one with pickles only."""
    pickles = repository.parent / "pickles"
    shutil.copytree(repository, pickles)
    (pickles / "model.safetensors").unlink()
    folders = {"someone/tiny": repository, "someone/gated": repository, "someone/pickles": pickles}
    with hub.serve(folders, gated=("someone/gated",)) as running:
        yield running


def add(address: str, root: Path, *wanted: Wanted, **more: str) -> list[dict[str, Any]]:
    """Add models in a process whose Hub is at an address and whose cache is beside the store."""
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    environment |= {
        "HF_ENDPOINT": address,
        "HF_HOME": str(root.parent / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-c", ADD, str(root), json.dumps(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment | more, check=True)
    assert done.stderr == "", done.stderr  # no progress bar, no warning: the terminal is the caller's
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_repository_is_brought_in_pinned_to_its_commit(
    server: Any, store_root: Path, tiny_causal: Path
) -> None:
    server.asked.clear()
    first, again = add(
        server.address, store_root, ("someone/tiny", None, None), ("someone/tiny", "again", hub.COMMIT)
    )
    assert (first["name"], first["source"], first["revision"]) == ("tiny", "someone/tiny", hub.COMMIT)
    assert (again["fingerprint"], again["revision"]) == (first["fingerprint"], hub.COMMIT)
    asked = " ".join(server.asked)
    assert not any(name in asked for name in ("evil", "pytorch_model", "picture", "onnx", "optimizer"))
    with open_store(store_root) as store:
        assert store.models.add(str(tiny_causal), name="local").fingerprint == first["fingerprint"]
        assert "auto_map" not in (store.models.get("tiny").path / "config.json").read_text()
    assert first["links"] >= 2  # one file together with the cache, not a second copy
    (offline,) = add(server.address, store_root, ("someone/tiny", "offline", None), HF_HUB_OFFLINE="1")
    assert offline["fingerprint"] == first["fingerprint"]


def test_a_refusal_of_the_hub_is_one_line(server: Any, store_root: Path) -> None:
    expected: dict[Wanted, tuple[str, str]] = {
        ("someone/missing", None, None): ("NotFound", "no open repository of that name"),
        ("someone/tiny", None, "v9"): ("NotFound", "has no revision 'v9'"),
        ("someone/gated", None, None): ("NotFound", "is gated on the Hub"),
        ("someone/pickles", None, None): ("BadInput", "has no model.safetensors"),
    }
    for told, (error, what) in zip(
        add(server.address, store_root, *expected), expected.values(), strict=True
    ):
        assert told["error"] == error and what in told["what"], told
        assert told["remedy"] and "\n" not in told["remedy"]


def test_a_hub_that_does_not_answer_is_told(store_root: Path) -> None:
    (told,) = add("http://127.0.0.1:9", store_root, ("someone/tiny", None, None))
    assert told["error"] == "Unavailable" and "could not be downloaded" in told["what"], told
