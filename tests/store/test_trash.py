"""What is removed can be taken back until its time is over, and neither a fault nor a death loses it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from store import Conflict, NotFound, Store, open_store, trash
from store.evaluations import EvaluationRow
from store.files import in_trash

TEMPLATE = '[[variants]]\nname = "v"\nprompt = "{{ a }}"\ncompletion = "{{ b }}"\n'


@pytest.fixture
def stocked(store: Store, tmp_path: Path) -> Store:
    """A store with a dataset, a template and a group of two evaluations."""
    rows, template = tmp_path / "rows.jsonl", tmp_path / "mine.toml"
    rows.write_text('{"a": "1", "b": "2"}\n')
    template.write_text(f'name = "mine"\ntask = "t"\n{TEMPLATE}')
    store.datasets.add(rows, name="rows")
    store.templates.add(template)
    group = None
    for adapter in (None, "adapter"):
        made = store.evaluations.create(
            group,
            model="m",
            adapter=adapter,
            dataset="rows",
            split="train",
            template="mine",
            total=1,
            settings={},
        )
        group = made.group
        store.evaluations.append(made.id, [EvaluationRow(0, "p", "said", ("right",), None)])
        store.evaluations.finish(made.id, {"rouge1": 0.5})
    return store


def test_a_dataset_and_a_template_come_back_as_they_were(stocked: Store) -> None:
    dataset, template = stocked.datasets.get("rows"), stocked.templates.get("mine")
    stocked.datasets.remove("rows")
    stocked.templates.remove("mine")
    assert not dataset.path.exists() and stocked.datasets.list() == [] and stocked.templates.names() == []
    assert [(each.id, each.noun, each.name) for each in stocked.trash.list()] == [
        ("t2", "template", "mine"),
        ("t1", "dataset", "rows"),
    ]
    assert stocked.trash.restore().name == "mine"
    assert stocked.trash.restore("t1").name == "rows"
    assert (stocked.datasets.get("rows"), stocked.templates.get("mine")) == (dataset, template)
    assert list(stocked.datasets.rows("rows")) == [{"a": "1", "b": "2"}]
    assert stocked.trash.list() == [] and not list((stocked.root / trash.TRASH).iterdir())


def test_a_group_of_evaluations_goes_and_comes_back_as_one(stocked: Store) -> None:
    before = stocked.evaluations.list()
    stocked.evaluations.remove(*(each.id for each in before))
    assert stocked.evaluations.list() == [] and stocked.evaluations.list("g1") == []
    with pytest.raises(NotFound):
        stocked.evaluations.get("e1")
    assert stocked.trash.restore().name == "g1"
    assert stocked.evaluations.list() == before
    assert [row.prediction for row in stocked.evaluations.rows("e1")] == ["said"]


def test_the_engine_of_a_model_comes_back_with_it(store: Store, tiny_seq2seq: Path) -> None:
    model = store.models.add(str(tiny_seq2seq), name="tiny")
    with store.db.conn:
        store.db.execute("insert into engines values ('tiny', 'http://127.0.0.1:1', null, null)")
    store.models.remove("tiny")
    store.trash.restore()
    assert store.models.get("tiny") == model
    assert store.db.table("engines").count == 1


def test_what_is_over_time_is_deleted_and_what_is_not_stays(stocked: Store) -> None:
    stocked.datasets.remove("rows")
    stocked.evaluations.remove("e1")
    with stocked.db.conn:
        stocked.db.execute("update trash set removed = ? where id = 1", [time.time() - 8 * 86_400])
    assert [each.name for each in stocked.trash.expire(7)] == ["rows"]
    assert [each.name for each in stocked.trash.list()] == ["e1"]
    assert [each.name for each in stocked.trash.expire(0)] == ["e1"]
    assert not list((stocked.root / trash.TRASH).iterdir())
    assert stocked.db.table("evaluations").count == 1
    assert stocked.db.table("evaluation_rows").count == 1


def test_a_name_that_was_taken_meanwhile_is_told_and_nothing_is_lost(stocked: Store, tmp_path: Path) -> None:
    stocked.datasets.remove("rows")
    stocked.datasets.add(tmp_path / "rows.jsonl", name="rows")
    with pytest.raises(Conflict, match="taken by another dataset"):
        stocked.trash.restore()
    stocked.datasets.remove("rows")
    assert stocked.trash.restore("t1").id == "t1"
    assert list(stocked.datasets.rows("rows")) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("id", ["t9", "", "x", "-1"])
def test_what_is_not_in_the_trash_is_told(stocked: Store, id: str) -> None:
    with pytest.raises(NotFound, match="trash"):
        stocked.trash.restore(id)
    with pytest.raises(NotFound, match="the trash is empty"):
        stocked.trash.restore()


@pytest.mark.parametrize("moment", ["remove", "restore"])
def test_a_fault_changes_nothing(stocked: Store, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    if moment == "restore":
        stocked.datasets.remove("rows")
    kept = [(each.name, each.path.exists()) for each in stocked.datasets.list()], stocked.trash.list()

    def fail(_: Path) -> None:
        raise OSError(5, "the disk failed")

    monkeypatch.setattr(trash, "sync", fail)
    with pytest.raises(OSError, match="the disk failed"):
        stocked.datasets.remove("rows") if moment == "remove" else stocked.trash.restore()
    monkeypatch.undo()
    assert (
        [(each.name, each.path.exists()) for each in stocked.datasets.list()],
        stocked.trash.list(),
    ) == kept
    if moment == "restore":
        stocked.trash.restore()
    assert list(stocked.datasets.rows("rows")) == [{"a": "1", "b": "2"}]


def test_what_a_death_left_between_moving_and_committing_is_put_back(stocked: Store) -> None:
    """The files are in the trash, the record is not: as after a kill in the middle of a removal."""
    home, place = stocked.datasets.get("rows").path, stocked.root / trash.TRASH / "t1" / "datasets"
    place.mkdir(parents=True)
    home.rename(place / "rows")
    with open_store(stocked.root) as again:
        again.trash.expire(7)
        assert list(again.datasets.rows("rows")) == [{"a": "1", "b": "2"}]
    assert not place.parent.exists()


def test_what_a_death_left_of_what_was_deleted_for_good_does_not_come_back(
    stocked: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are deleted, the files are not yet: as after a kill, or to a process that is faster."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    stocked.templates.remove("mine")
    monkeypatch.setattr("store.trash.shutil.rmtree", die)
    with pytest.raises(KeyboardInterrupt):
        stocked.trash.expire(0)
    monkeypatch.undo()
    with open_store(stocked.root) as again:
        again.datasets.remove("rows")
        assert again.templates.names() == []
        assert [path.name for path in (again.root / trash.TRASH).iterdir()] == ["t2"]


def test_what_was_not_deleted_in_the_end_comes_back_whole(
    stocked: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails before the rows are deleted."""

    def fail(_: Path) -> None:
        raise OSError(5, "the disk failed")

    stocked.datasets.remove("rows")
    monkeypatch.setattr(trash, "sync", fail)
    with pytest.raises(OSError, match="the disk failed"):
        stocked.trash.expire(0)
    monkeypatch.undo()
    with open_store(stocked.root) as again:
        assert again.trash.restore().name == "rows"
        assert list(again.datasets.rows("rows")) == [{"a": "1", "b": "2"}]
    assert not list((stocked.root / trash.TRASH).iterdir())


def test_a_full_disk_tells_what_the_trash_holds(stocked: Store) -> None:
    place = stocked.root / "datasets" / "new" / "rows.jsonl"
    assert in_trash(place) == ""
    stocked.datasets.remove("rows")
    (stocked.root / trash.TRASH / "t1" / "more").write_bytes(b"0" * 2_000_000)
    assert in_trash(place) == "; the trash holds 1.91 MB: workbench trash empty"


def test_a_thing_in_use_stays(stocked: Store) -> None:
    settings: dict[str, Any] = {}
    stocked.runs.create(
        name="r", model="m", dataset="rows", template="mine", method="lora", settings=settings, lineage={}
    )
    with pytest.raises(Conflict, match="needed by run"):
        stocked.datasets.remove("rows")
    assert stocked.trash.list() == [] and list(stocked.datasets.rows("rows"))
