"""A catalog that another program or a hand has written into: its rows harm nothing else, and are told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import stocking

from store import BadInput, Store
from store.db import write
from store.identity import Identity

ADAPTER = {
    "name": "good",
    "model": "m",
    "model_fingerprint": "f",
    "method": "lora",
    "peft_type": "LORA",
    "run": None,
    "trainable": 1,
    "bytes": 2,
    "fingerprint": "e",
    "created": 3.0,
}
MODEL: dict[str, Any] = {
    "name": "good",
    "family": "causal",
    "architecture": "LlamaForCausalLM",
    "parameters": 1,
    "bytes": 2,
    "dtype": "float32",
    "vocabulary": 3,
    "max_length": None,
    "chat_template": 0,
    "source": "s",
    "revision": None,
    "fingerprint": "f",
    "created": 3.0,
}
DATASET = {
    "name": "good",
    "source": "s",
    "format": "jsonl",
    "columns": '["a"]',
    "splits": '{"train": 1}',
    "bytes": 2,
    "bad_lines": 0,
    "fingerprint": "f",
    "created": 3.0,
}
ROWS: dict[str, dict[str, Any]] = {"model": MODEL, "dataset": DATASET, "adapter": ADAPTER}
NAMES = ("../../etc", "a b", "", ".hidden", "x" * 129, "-x", "a\0b", "\x1b]0;x\x07", "/etc", None, b"bytes")
RUN = {"model": "m", "dataset": "d", "template": "t", "method": "lora"}


def put(store: Store, noun: str, **values: Any) -> None:
    """Write a row as another program might."""
    with write(store.db):
        store.db.table(f"{noun}s").insert({**ROWS[noun], **values})


def kind(store: Store, noun: str) -> Any:
    return getattr(store, f"{noun}s")


@pytest.mark.parametrize("noun", ROWS)
def test_a_row_with_an_impossible_name_is_left_out_and_told(store: Store, noun: str) -> None:
    put(store, noun)
    for name in NAMES:
        put(store, noun, name=name)
    found = kind(store, noun)
    assert [each.name for each in found.list()] == ["good"]
    assert found.get("good").name == "good"
    for name in NAMES:
        if isinstance(name, str):
            with pytest.raises(BadInput, match=f"is no {noun} and is left out"):
                found.get(name)
    told = found.left_out()
    assert told.what == f"{len(NAMES)} rows of the catalog are no {noun}s and are left out: " + (
        ", ".join(repr(name) for name in NAMES[:3]) + " …"
    )
    assert told.remedy == f"take it out: workbench {noun} remove ../../etc"
    if noun == "adapter":
        assert store.adapters.names() == ["good"]
        assert [each.name for each in store.adapters.some(["good", "a b"])] == ["good"]


@pytest.mark.parametrize(
    ("noun", "values"),
    [
        ("model", {"family": "oracle"}),
        ("model", {"parameters": "many"}),
        ("model", {"source": b"\xff"}),
        ("dataset", {"columns": "not JSON"}),
        ("dataset", {"columns": "5"}),
        ("dataset", {"columns": "[5]"}),
        ("dataset", {"splits": "5"}),
        ("dataset", {"splits": '{"train": "many"}'}),
        ("dataset", {"created": "yesterday"}),
        ("adapter", {"bytes": "lots"}),
        ("adapter", {"run": b"r1"}),
    ],
)
def test_a_value_of_the_wrong_kind_is_no_record_either(
    store: Store, noun: str, values: dict[str, Any]
) -> None:
    put(store, noun)
    put(store, noun, name="bad", **values)
    found = kind(store, noun)
    assert [each.name for each in found.list()] == ["good"]
    assert found.left_out().what == f"a row of the catalog is no {noun} and is left out: 'bad'"


@pytest.mark.parametrize("noun", ROWS)
def test_a_row_that_is_left_out_is_taken_out_and_nothing_outside_is_touched(store: Store, noun: str) -> None:
    outside = store.root / "outside"
    outside.mkdir()
    put(store, noun, name="../outside")
    kind(store, noun).remove("../outside")
    assert kind(store, noun).left_out() is None
    assert outside.is_dir()
    store.trash.restore()
    assert kind(store, noun).left_out() is not None
    kind(store, noun).remove("../outside")
    store.trash.empty()
    assert kind(store, noun).left_out() is None and outside.is_dir()


@pytest.mark.parametrize("noun", ["model", "dataset"])
def test_a_link_out_of_the_store_is_listed_and_refused_where_it_is_used(
    store: Store, noun: str, tmp_path: Path
) -> None:
    put(store, noun)
    put(store, noun, name="linked")
    (store.root / f"{noun}s" / "linked").symlink_to(tmp_path)
    assert [each.name for each in kind(store, noun).list()] == ["good", "linked"]
    with pytest.raises(BadInput, match="leads outside the store"):
        kind(store, noun).get("linked")


def test_the_card_behind_a_link_out_of_the_store_is_not_read(store: Store, tmp_path: Path) -> None:
    stocking.add_rows(store, "rows", [{"a": 1}])
    card = json.loads((store.datasets.get("rows").path / "card.json").read_text())
    secret = tmp_path / "card.json"
    secret.write_text(json.dumps({**card, "source": "a secret", "fingerprint": "another"}))
    for name in ("folder", "file"):
        put(store, "dataset", name=name)
    (store.root / "datasets" / "folder").symlink_to(tmp_path)
    (store.root / "datasets" / "file").mkdir()
    (store.root / "datasets" / "file" / "card.json").symlink_to(secret)
    assert [(each.name, each.source) for each in store.datasets.list()][:2] == [
        ("file", "s"),
        ("folder", "s"),
    ]


def test_a_card_gives_a_dataset_no_other_name(store: Store) -> None:
    stocking.add_rows(store, "rows", [{"a": 1}])
    card = store.datasets.get("rows").path / "card.json"
    card.write_text(
        json.dumps(json.loads(card.read_text()) | {"name": "../../etc", "fingerprint": "another"})
    )
    assert [(each.name, each.fingerprint) for each in store.datasets.list()] == [("rows", "another")]
    assert store.datasets.get("rows").name == "rows"


@pytest.mark.parametrize(
    "values", [{"columns": 5}, {"columns": None}, {"columns": [5]}, {"source": 5}, {"bytes": "lots"}]
)
def test_a_card_that_is_none_is_passed_over(store: Store, values: dict[str, Any]) -> None:
    stocking.add_rows(store, "rows", [{"a": 1}])
    before = store.datasets.get("rows")
    card = before.path / "card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "fingerprint": "another", **values}))
    assert store.datasets.list() == [before]
    card.write_text("{}")
    assert store.datasets.list() == [before]


@pytest.mark.parametrize("noun", ROWS)
def test_bytes_in_a_row_go_into_the_trash_and_come_back(store: Store, noun: str) -> None:
    put(store, noun, name="bad", fingerprint=b"\xff\0")
    before = list(store.db.table(f"{noun}s").rows)
    kind(store, noun).remove("bad")
    assert kind(store, noun).left_out() is None
    store.trash.restore()
    assert list(store.db.table(f"{noun}s").rows) == before


def test_a_text_that_is_not_utf_8_ends_no_list(store: Store) -> None:
    put(store, "adapter")
    put(store, "adapter", name="odd")
    put(store, "adapter", name="other")
    with write(store.db):
        store.db.execute("update adapters set method = cast(x'61ff' as text) where name = 'odd'")
        store.db.execute("update adapters set name = cast(x'ff' as text) where name = 'other'")
    assert [(each.name, each.method) for each in store.adapters.list()] == [
        ("odd", "a\ufffd"),
        ("good", "lora"),
    ]
    told = store.adapters.left_out()
    assert told is not None
    assert told.remedy == "delete them with the program that wrote them"  # no command can name it


def test_the_adapters_of_a_base_or_a_run_are_records(store: Store) -> None:
    put(store, "adapter", run="r1")
    put(store, "adapter", name="\x1b]0;x\x07", run="r1")
    assert store.adapters.names_over("m") == store.adapters.made_by("r1") == ["good"]
    assert store.adapters.count(model="m") == 1


def test_a_name_of_a_million_letters_is_not_told(store: Store) -> None:
    put(store, "model", name="x" * 1_000_000)
    told = store.models.left_out()
    assert len(told.what) + len(told.remedy) < 300
    put(store, "model", name="a b")
    assert store.models.left_out().remedy == "take it out: workbench model remove 'a b'"


@pytest.mark.parametrize(
    "values",
    [
        {"id": 0},
        {"id": -7},
        {"status": "dreaming"},
        {"name": b"bytes"},
        {"settings": "not JSON"},
        {"settings": "[]"},
        {"lineage": b"\xff"},
        {"identity": '{"pid": 1}'},
        {"identity": '{"boot_id": "x"}'},
        {"identity": '{"boot_id": "x", "pid": 1, "start_ticks": 1, "nonce": "n", "more": 1}'},
        {"sweep": b"bytes"},
        {"mixture": b"bytes"},
        {"error": b"bytes"},
        {"lineage": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"},
        {"created": "yesterday"},
    ],
)
def test_a_row_that_is_no_run_is_left_out_and_told(store: Store, values: dict[str, Any]) -> None:
    for number in (1, 2, 3):
        store.runs.create(name=f"run-{number}", **RUN, settings={}, lineage={})
    store.runs.planned("r3", seconds=float("nan"))  # which is a number to Python, and none to SQLite
    store.db.execute("pragma foreign_keys = off")
    with write(store.db):
        store.db.execute("update runs set id = ? where id = 2", [values.get("id", 2)])
        store.db.table("runs").update(values.get("id", 2), values)
    assert [run.id for run in store.runs.list()] == ["r3", "r1"]
    assert [run.id for run in store.runs.list(limit=2)] == ["r3", "r1"]
    assert [run.id for run in store.changed.runs_before("r3", limit=1)] == ["r1"]
    assert {run.id for run in store.changed.runs_after(0)[0]} == {"r1", "r3"}
    stocking.add_rows(store, "d-2", [{"a": 1}])
    store.datasets.remove("d-2")  # for which the runs are asked what they need
    told = store.runs.left_out()
    assert told is not None
    assert told.what == f"a row of the catalog is no run and is left out: 'r{values.get('id', 2)}'"
    assert math.isnan(store.runs.get("r3").plan["seconds"])


def test_a_sound_catalog_leaves_nothing_out(store: Store) -> None:
    for noun in ROWS:
        put(store, noun)
        assert kind(store, noun).left_out() is None
    run = store.runs.create(name="one", **RUN, settings={}, lineage={}, sweep="grid")
    store.runs.claim(run.id, "n")
    store.runs.identify(run.id, Identity("boot", 1, 2, "n"))
    store.runs.planned(run.id, seconds=float("nan"))
    assert store.runs.left_out() is None
