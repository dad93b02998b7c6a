"""Names that begin so: in order, no more than asked for, found by the index however many there are."""

from __future__ import annotations

import pytest

from store import Store


@pytest.fixture
def crowded(store: Store) -> Store:
    """A thousand adapters and a few runs."""
    columns = store.db.table("adapters").columns
    row = {column.name: "" if column.type == "TEXT" else 0 for column in columns}
    names = [f"{kind}-{number:03}" for kind in ("lora", "dora") for number in range(500)]
    store.db.conn.execute("pragma foreign_keys = off")
    store.db.table("adapters").insert_all({**row, "name": name} for name in names)
    for name in ("talk", "aab", "notes"):
        store.runs.create(
            name=name, model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
        )
    return store


def test_names_come_in_order_and_no_more_than_asked_for(crowded: Store) -> None:
    assert crowded.names("adapter", "lora-1", 3) == [("lora-100", ""), ("lora-101", ""), ("lora-102", "")]
    assert len(crowded.names("adapter", "", 200)) == 200
    assert crowded.names("adapter", "lora-9", 9) == []
    assert crowded.names("model", "", 9) == []


def test_a_run_is_found_by_its_id_and_its_name_the_newest_first(crowded: Store) -> None:
    assert crowded.names("run", "", 9) == [("r3", "notes"), ("r2", "aab"), ("r1", "talk")]
    assert crowded.names("run", "r2", 9) == [("r2", "aab")]
    assert crowded.names("run", "no", 9) == [("r3", "notes")]


def test_what_was_typed_is_no_pattern(crowded: Store) -> None:
    assert [crowded.names("run", typed, 9) for typed in ("*", "?a", "[a]", "[")] == [[], [], [], []]


def test_the_index_is_used(crowded: Store) -> None:
    """A hundred thousand adapters are not read for one tab."""
    (plan,) = crowded.db.query(
        "explain query plan select name from adapters where name >= 'a' and name < 'b' order by name limit 9"
    )
    assert "SEARCH" in plan["detail"]
