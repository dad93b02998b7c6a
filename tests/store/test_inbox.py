"""The inbox: what is whole is registered once, what is not is explained, and nothing else is touched."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import tiny_models

from store import Store
from store.inbox import QUIET_SECONDS, Taken, take_in, waiting, watch

LINES = '{"text": "one"}\n{"text": "two"}\n'
TEMPLATE = 'name = "plain"\ntask = "x"\n[[variants]]\nname = "v"\nprompt = "{{ text }}"\ncompletion = "y"\n'
MIXTURE = 'name = "mix"\n[[tasks]]\ndataset = "d"\ntemplate = "t"\n'


@pytest.fixture
def inbox(store: Store) -> Path:
    """The inbox of a fresh store."""
    return store.root / "inbox"


def wait_until_quiet() -> None:
    time.sleep(QUIET_SECONDS + 0.05)


def names(inbox: Path) -> list[str]:
    return sorted(path.name for path in inbox.iterdir())


def test_every_kind_of_entry_is_registered_and_leaves_the_inbox(store: Store, inbox: Path) -> None:
    (inbox / "notes.jsonl").write_text(LINES)
    (inbox / "plain.toml").write_text(TEMPLATE)
    (inbox / "mix.toml").write_text(MIXTURE)
    (inbox / "set").mkdir()
    (inbox / "set" / "train.csv").write_text("text\na\n")
    (inbox / "set" / "test.csv").write_text("text\nb\n")
    wait_until_quiet()
    assert take_in(store) == [
        Taken("mix.toml", "mixture", "mix", None),
        Taken("notes.jsonl", "dataset", "notes", None),
        Taken("plain.toml", "template", "plain", None),
        Taken("set", "dataset", "set", None),
    ]
    assert names(inbox) == []
    assert store.datasets.get("set").splits == {"train": 1, "test": 1}
    assert store.templates.get("plain").task == "x"
    assert take_in(store) == []


def write_adapter(folder: Path, seed: int) -> None:
    """Write a LoRA of the tiny Llama's first query projection, as PEFT does."""
    folder.mkdir()
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 4}
    config |= {"target_modules": ["q_proj"], "base_model_name_or_path": "base"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    at = "base_model.model.model.layers.0.self_attn.q_proj"
    shapes = {f"{at}.lora_A.weight": (2, tiny_models.WIDTH), f"{at}.lora_B.weight": (tiny_models.WIDTH, 2)}
    tensors = {name: tiny_models.random_tensor(shape, random.Random(seed)) for name, shape in shapes.items()}
    tiny_models.write_safetensors(folder / "adapter_model.safetensors", tensors)


def test_an_adapter_is_registered_and_its_other_files_are_kept_aside(
    store: Store, inbox: Path, tiny_causal: Path
) -> None:
    store.models.add(str(tiny_causal), name="base")
    folder = inbox / "mine"
    write_adapter(folder, 0)
    (folder / "checkpoint-10").mkdir()
    (folder / "checkpoint-10" / "optimizer.pt").write_bytes(b"the only copy")
    wait_until_quiet()
    assert take_in(store) == [Taken("mine", "adapter", "mine", None)]
    (kept,) = (inbox / ".taken").iterdir()
    assert [path.name for path in kept.rglob("*") if path.is_file()] == ["optimizer.pt"]
    assert names(inbox) == [".taken"] and take_in(store) == []


def test_an_adapter_that_has_changed_stands_beside_the_one_it_was(
    store: Store, inbox: Path, tiny_causal: Path
) -> None:
    """Both can then be compared."""
    store.models.add(str(tiny_causal), name="base")
    for seed in (0, 1):
        write_adapter(inbox / "mine", seed)
        wait_until_quiet()
        assert [taken.error for taken in take_in(store)] == [None]
    assert [adapter.name for adapter in store.adapters.list()] == ["mine-2", "mine"]
    first, second = (adapter.fingerprint for adapter in store.adapters.list())
    assert first != second


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", '{"x": 1}\nbad\n', "line 2"),
        ("a.xyz", "x", "nothing that the inbox takes"),
        ("a.toml", "name = ", "a.toml"),
        ("a.jsonl.gz", "no gzip", "cannot be unpacked"),
        ("a.zip", "PK", "nothing that the inbox takes"),
        ("\x1b[31mred.jsonl", "", "empty"),
    ],
)
def test_what_cannot_be_taken_stays_with_a_note_that_says_why(
    store: Store, inbox: Path, name: str, content: str, told: str
) -> None:
    (inbox / name).write_text(content)
    wait_until_quiet()
    (taken,) = take_in(store)
    assert taken.name is None and taken.error is not None and told in taken.error
    note = (inbox / f"{name}.error.txt").read_text()
    assert told in note and "What to do: " in note
    assert (inbox / name).read_text() == content
    assert take_in(store) == [] and waiting(store.root) == []  # it is told once
    assert store.datasets.list() == []


def test_a_mended_file_is_taken_and_its_note_goes(store: Store, inbox: Path) -> None:
    (inbox / "a.jsonl").write_text("bad\n")
    wait_until_quiet()
    assert take_in(store)[0].error
    (inbox / "a.jsonl").write_text(LINES)
    wait_until_quiet()
    assert take_in(store) == [Taken("a.jsonl", "dataset", "a", None)]
    assert names(inbox) == []


def test_a_note_goes_with_its_file_and_no_other_file_goes_with_it(store: Store, inbox: Path) -> None:
    (inbox / "a.jsonl").write_text("bad\n")
    (inbox / "mine.error.txt").write_text("a text of the user's")
    wait_until_quiet()
    take_in(store)
    (inbox / "a.jsonl").unlink()
    take_in(store)
    assert names(inbox) == ["mine.error.txt"]


def test_deleting_the_note_tries_again(store: Store, inbox: Path) -> None:
    store.datasets.add(_lines(inbox.parent.parent / "a.jsonl"))
    _lines(inbox / "a.jsonl")
    wait_until_quiet()
    (taken,) = take_in(store)
    assert taken.error is not None and "a dataset 'a' already" in taken.error
    store.datasets.remove("a")
    (inbox / "a.jsonl.error.txt").unlink()
    assert take_in(store) == [Taken("a.jsonl", "dataset", "a", None)]


def _lines(path: Path) -> Path:
    path.write_text(LINES)
    return path


def test_what_is_still_being_written_waits(store: Store, inbox: Path) -> None:
    """A file changed a moment ago, one that a slow writer holds open, a folder with such a file."""
    (inbox / "set").mkdir()
    with (inbox / "slow.jsonl").open("w") as slow, (inbox / "set" / "train.jsonl").open("w") as part:
        for file in (slow, part):
            file.write(LINES[:20])
            file.flush()
        wait_until_quiet()
        (inbox / "new.jsonl").write_text(LINES)
        assert take_in(store) == [] and waiting(store.root) == ["new.jsonl", "set", "slow.jsonl"]
        for file in (slow, part):
            file.write(LINES[20:])
    wait_until_quiet()
    assert waiting(store.root) == []
    assert [taken.name for taken in take_in(store)] == ["new", "set", "slow"]
    assert all(dataset.rows == 2 for dataset in store.datasets.list())


def test_a_copy_that_keeps_an_old_time_waits_too(store: Store, inbox: Path) -> None:
    path = _lines(inbox / "a.jsonl")
    os.utime(path, (1, 1))
    assert take_in(store) == [] and waiting(store.root) == ["a.jsonl"]


def test_hidden_and_unfinished_names_are_left_alone(store: Store, inbox: Path) -> None:
    for name in (".hidden.jsonl", "a.jsonl.part", "b.jsonl.crdownload", "c.jsonl~"):
        (inbox / name).write_text(LINES)
    wait_until_quiet()
    assert take_in(store) == [] and len(names(inbox)) == 4


def test_links_are_refused_and_what_they_point_to_is_untouched(
    store: Store, inbox: Path, tmp_path: Path
) -> None:
    secret = _lines(tmp_path / "secret.jsonl")
    (inbox / "link.jsonl").symlink_to(secret)
    (inbox / "folder").symlink_to(tmp_path)
    (inbox / "inner").mkdir()
    (inbox / "inner" / "train.jsonl").symlink_to(secret)
    (inbox / "dangling.jsonl").symlink_to(tmp_path / "nowhere")
    os.mkfifo(inbox / "pipe.jsonl")
    wait_until_quiet()
    taken = take_in(store)
    assert len(taken) == 5 and all(each.name is None for each in taken)
    assert sum("is a link" in str(each.error) for each in taken) == 4
    assert secret.read_text() == LINES and store.datasets.list() == []


def test_a_model_is_told_where_to_go(store: Store, inbox: Path, tiny_causal: Path) -> None:
    shutil.copytree(tiny_causal, inbox / "model")
    wait_until_quiet()
    (taken,) = take_in(store)
    assert taken.error is not None and "workbench model add" in taken.error


RACE = """
import sys
from store import open_store
from store.inbox import take_in
with open_store(sys.argv[1]) as store:
    for _ in range(3):
        for taken in take_in(store):
            print(taken.name, taken.error)
"""


def test_many_processes_take_each_entry_once(store: Store, inbox: Path) -> None:
    for number in range(12):
        _lines(inbox / f"d{number}.jsonl")
    wait_until_quiet()
    command = [sys.executable, "-c", RACE, str(store.root)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = [line for process in processes for line in process.communicate()[0].splitlines()]
    assert sorted(told) == sorted(f"d{number} None" for number in range(12))
    assert names(inbox) == [] and len(store.datasets.list()) == 12


def test_watching_tells_of_a_file_when_it_has_come_and_when_it_is_quiet(store: Store, inbox: Path) -> None:
    stop = threading.Event()
    taken: list[Taken] = []
    changes = watch(store.root, stop)
    next(changes)
    dropper = threading.Timer(0.2, lambda: _lines(inbox / "a.jsonl"))
    dropper.start()
    begun = time.monotonic()
    for _ in changes:
        taken += take_in(store)
        if taken or time.monotonic() - begun > 20:
            stop.set()
    assert taken == [Taken("a.jsonl", "dataset", "a", None)]
    assert time.monotonic() - begun < 10
