"""Datasets of the Hub: pinned to a commit, data files only, one configuration, refusals in one line."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

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
    for source, options in json.loads(sys.argv[2]):
        told = []
        try:
            dataset = store.datasets.add(source, **options, tell=told.append)
        except StoreError as error:
            print(json.dumps({"error": type(error).__name__, "what": error.what, "remedy": error.remedy}))
        else:
            links = {path.name: path.stat().st_nlink for path in dataset.path.iterdir()}
            print(json.dumps({"name": dataset.name, "source": dataset.source, "splits": dataset.splits,
                "format": dataset.format, "first": store.datasets.row(dataset.name, [*dataset.splits][0], 0),
                "told": told, "links": links}))
"""
CARD = {
    "configs": [
        {"config_name": "plain", "data_files": [{"split": "train", "path": "a/*.jsonl"}]},
        {
            "config_name": "chat",
            "data_files": [
                {"split": "train_sft", "path": "chat/**/sft-*"},
                {"split": "test", "path": ["chat/test.jsonl"]},
            ],
        },
    ]
}


def write(path: Path, count: int, mark: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"n": number, "of": mark} for number in range(count)]
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A loopback Hub with datasets in the shapes that the real one has."""
    base = tmp_path_factory.mktemp("hub")
    files = {
        "plain": ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet",
                  "data/test-00000-of-00001.parquet", "test.jsonl"],
        "configs": ["ax/test/0000.parquet", "cola/train/0000.parquet", "cola/test/0000.parquet"],
        "card": ["a/one.jsonl", "a/two.jsonl", "chat/x/sft-1.jsonl", "chat/test.jsonl"],
        "single": ["rows.jsonl"],
        "long": ["data/train_sft-00000-of-00001.parquet", "data/train_gen-00000-of-00001.parquet"],
        "code": [],
    }  # fmt: skip
    for name, paths in files.items():
        folder = base / name
        folder.mkdir()
        for number, path in enumerate(paths):
            write(folder / path, 3 + number, path)
        for other in ("README.md", "load.py", "picture.png", "dataset_infos.json", ".gitattributes"):
            (folder / other).write_text("{}")
    folders = {f"someone/{name}": base / name for name in files}
    gated = {"someone/gated": base / "plain"}
    cards = {"someone/card": CARD}
    with hub.serve({}, gated=tuple(gated), datasets=folders | gated, cards=cards) as running:
        yield running


def add(server: Any, root: Path, *wanted: tuple[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Add datasets in a process whose Hub is the server and whose cache is beside the store."""
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    environment |= {
        "HF_ENDPOINT": server.address,
        "HF_HOME": str(root.parent / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-c", ADD, str(root), json.dumps(wanted)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_hub_dataset_is_pinned_and_only_its_data_is_fetched(server: Any, store_root: Path) -> None:
    server.asked.clear()
    (told,) = add(server, store_root, ("someone/plain", {}))
    assert told["name"] == "plain" and told["format"] == "parquet"
    assert told["splits"] == {"train": 7, "test": 5}
    assert told["source"] == f"hf://datasets/someone/plain@{hub.COMMIT}"
    assert told["told"][0].startswith("fetching 3 files, ") and hub.COMMIT[:12] in told["told"][0]
    assert any(line.startswith("fetching data/test-00000-of-00001.parquet: ") for line in told["told"])
    fetched = {path.rsplit("/", 1)[1] for path in server.asked if "/resolve/" in path}
    assert fetched == {
        "train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"
    }  # fmt: skip
    assert all(hub.COMMIT in path for path in server.asked if "/resolve/" in path)
    assert told["links"]["train-00000.parquet"] == 2  # one copy with the Hub's cache


def test_what_the_store_says_of_a_source_adds_it_again(server: Any, store_root: Path) -> None:
    first, again = add(
        server,
        store_root,
        ("someone/single", {"revision": "main"}),
        (f"hf://datasets/someone/single@{hub.COMMIT}", {"name": "again"}),
    )
    assert first["splits"] == again["splits"] == {"train": 3}
    assert first["source"] == again["source"]


def test_one_split_of_a_hub_dataset_can_be_taken(server: Any, store_root: Path) -> None:
    server.asked.clear()
    one, more = add(
        server,
        store_root,
        ("someone/plain", {"split": "test"}),
        ("someone/plain", {"split": "train"}),
    )
    assert one["splits"] == {"test": 5} and more["splits"] == {"test": 5, "train": 7}


def test_a_configuration_is_chosen_by_its_name(server: Any, store_root: Path) -> None:
    unclear, cola, card, chat = add(
        server,
        store_root,
        ("someone/configs", {}),
        ("someone/configs", {"config": "cola"}),
        ("someone/card", {"config": "plain", "name": "card-plain"}),
        ("someone/card", {"config": "chat", "name": "card-chat"}),
    )
    assert unclear["what"] == "someone/configs holds 2 configurations"
    assert unclear["remedy"] == "choose one with --config: ax, cola"
    assert cola["splits"] == {"train": 4, "test": 5} and cola["first"]["of"] == "cola/train/0000.parquet"
    assert card["splits"] == {"train": 7}
    assert chat["splits"] == {"test": 6, "train_sft": 5}


def test_splits_with_longer_names_are_not_mixed(server: Any, store_root: Path) -> None:
    (told,) = add(server, store_root, ("someone/long", {}))
    assert told["splits"] == {"train_gen": 4, "train_sft": 3}


def test_a_refusal_of_the_hub_is_one_line_with_the_remedy(server: Any, store_root: Path) -> None:
    expected = {
        ("someone/missing", ()): ("NotFound", "no open dataset of that name"),
        ("someone/plain", (("revision", "v9"),)): ("NotFound", "has no revision 'v9'"),
        ("someone/gated", ()): ("NotFound", "is gated on the Hub"),
        ("someone/code", ()): ("BadInput", "holds no data file"),
        ("someone/card", ()): ("BadInput", "holds 2 configurations"),
        ("someone/card", (("config", "x"),)): ("BadInput", "has no configuration 'x'"),
        ("someone/plain", (("split", "dev"),)): ("BadInput", "has no split 'dev'"),
        ("someone/misspelt.jsonl", ()): ("BadInput", "there is no file"),
    }
    wanted = [(source, dict(options)) for source, options in expected]
    for told, (error, what) in zip(add(server, store_root, *wanted), expected.values(), strict=True):
        assert told["error"] == error and what in told["what"], told
        assert told["remedy"] and "\n" not in told["what"] + told["remedy"]


def test_a_hub_that_does_not_answer_is_told(store_root: Path) -> None:
    class Nowhere:
        address = "http://127.0.0.1:9"

    (told,) = add(Nowhere, store_root, ("someone/plain", {}))
    assert told["error"] == "Unavailable" and "could not be downloaded" in told["what"]
