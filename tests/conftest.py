"""What many tests share: a fresh store, tiny models, real data when at hand, and a worker without torch."""

from __future__ import annotations

import fcntl
import gc
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from store import Store, open_store

TESTS = Path(__file__).parent

# Several test processes share two cores: with more threads than one each, they wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish() -> None:
    """Let the collections of garbage pass over what all modules hold: each looked at it for half a second."""
    gc.collect()
    gc.freeze()


def _load(name: str, folder: Path = TESTS) -> ModuleType:
    """Import a module of the tests; they are no package and not on the path."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


tiny_models = _load("tiny_models")
stocking = _load("stocking")
big_store = _load("big_store")
driver = _load("driver", TESTS / "tui")
sessions = _load("sessions", TESTS / "tui")
hostile = _load("hostile", TESTS / "tui")


@pytest.fixture
def store_root(tmp_path: Path) -> Path:
    """A place for a store that does not exist yet."""
    return tmp_path / "store"


@pytest.fixture
def store(store_root: Path) -> Iterator[Store]:
    """A fresh store."""
    with open_store(store_root) as opened:
        yield opened


def _once(factory: pytest.TempPathFactory, name: str, write: Callable[[Path], Path]) -> Path:
    """Make a folder once for all of pytest-xdist's workers, whose base folders have one parent."""
    base = factory.getbasetemp()
    place = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / name).exists():
            write(place / f"{name}.part").rename(place / name)
    return place / name


@pytest.fixture(scope="session")
def tiny_causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformers folder of a two-layer Llama with random weights and a tokenizer of 384 tokens."""
    return _once(tmp_path_factory, "tiny-causal", tiny_models.write_tiny_causal)


@pytest.fixture(scope="session")
def tiny_seq2seq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformers folder of a two-layer T5 with random weights and a tokenizer of 384 tokens."""
    return _once(tmp_path_factory, "tiny-seq2seq", tiny_models.write_tiny_seq2seq)


@pytest.fixture(scope="session")
def big_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 100,000 adapters, 10,000 runs and 5 million metric points; to be read, and added to."""
    return _once(tmp_path_factory, "big-store", big_store.write_big_store)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and data: $WORKBENCH_TEST_DATA, else `shared` beside the repository."""
    named = os.environ.get("WORKBENCH_TEST_DATA")
    folder = Path(named) if named else TESTS.parent.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"no real data at {folder}: name a folder with WORKBENCH_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def shared_data(shared: Path) -> Path:
    """Real data files."""
    return shared / "data"


@pytest.fixture(scope="session")
def shared_models(shared: Path) -> Path:
    """Real, very small models."""
    if not (shared / "models").is_dir():
        pytest.skip(f"no real models in {shared}")
    return shared / "models"


@pytest.fixture(scope="session")
def dialogue_rows() -> list[dict[str, str]]:
    """Two dozen small dialogues, each with the summary that a rule makes of it."""
    people = ("Anna", "Ben", "Clara", "David", "Emma", "Felix")
    things = ("apples", "bread", "a map", "two tickets")
    rows = []
    for number in range(24):
        first, second = people[number % 6], people[(number + 1 + number // 6) % 6]
        thing = things[number % 4]
        dialogue = f"{first}: Do you bring {thing}?\n{second}: Yes, I bring {thing}."
        rows.append({"dialogue": dialogue, "summary": f"{second} brings {thing}."})
    return rows


@pytest.fixture
def dialogue_file(tmp_path: Path, dialogue_rows: list[dict[str, Any]]) -> Path:
    """The dialogues as a JSONL file."""
    path = tmp_path / "dialogues.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in dialogue_rows), encoding="utf-8")
    return path


@pytest.fixture
def stock(
    store: Store, tiny_causal: Path, tiny_seq2seq: Path, dialogue_rows: list[dict[str, str]]
) -> Iterator[Store]:
    """A store with all that a run needs, whose queue is held: nothing starts by itself.

    The models "causal" and "seq2seq", the dialogues "d" with four validation rows, and the template "t".
    """
    store.models.add(str(tiny_causal), name="causal")
    store.models.add(str(tiny_seq2seq), name="seq2seq")
    stocking.add_rows(store, "d", dialogue_rows[:20])
    stocking.add_rows(store, "d", dialogue_rows[20:], split="validation")
    stocking.add_template(store)
    with stocking.held_queue(store):
        yield store


@pytest.fixture
def fake_worker() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A function that starts a process which writes a scripted run; see fake_worker.py for its options.

    Its first line of output is the run's id. What is still alive when the test ends is killed.
    """
    started: list[subprocess.Popen[str]] = []

    def start(root: Path, **options: object) -> subprocess.Popen[str]:
        flags = [
            word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", str(value))
        ]
        command = [sys.executable, str(TESTS / "fake_worker.py"), str(root), *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
