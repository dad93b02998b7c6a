"""The catalog's connection: safe version, private files, many writers, no other hand on the file."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from store import Store, Unavailable, open_store
from store.db import LOCK, connect, sqlite3, sqlite_version_is_safe, write

WRITER = """
import sys
from store import open_store
root, run, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_store(root) as store:
    step = 0
    while step < rows:
        size = 1 if step < 100 else 20
        store.metrics.append(run, [(step + n, "loss", float(step + n)) for n in range(size)])
        step += size
        if step % 500 == 0:
            store.runs.heartbeat(run)
"""

OPENER = """
import sys
from store import open_store
print("ready", flush=True)
for line in sys.stdin:
    with open_store(line.strip()) as store:
        print(store.db.execute("select count(*) from _sqlite_migrations").fetchone()[0], flush=True)
"""

# The audit hook sees every file that Python itself opens; SQLite's own opening is not among them.
WATCHED = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from store import open_store
from pathlib import Path
with open_store(sys.argv[1]) as store:
    store.models.add(sys.argv[2], name="m")
    store.datasets.add(sys.argv[3], name="d")
    store.runs.create(name="x", model="m", dataset="d", template="t", method="lora", settings={}, lineage={})
    store.metrics.append("r1", [(1, "loss", 1.0)])
    store.models.list()
    store.runs.request("r1", "cancel")
    store.models.remove("m")
print(sum(Path(path).name.startswith("catalog.db") for path in opened), len(opened))
"""


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def new_run(store: Store) -> str:
    nothing: dict[str, object] = {}
    return store.runs.create(
        name="run", model="m", dataset="d", template="t", method="lora", settings=nothing, lineage=nothing
    ).id


def test_the_linked_sqlite_is_free_of_the_wal_reset_defect() -> None:
    assert sqlite_version_is_safe(), f"SQLite {sqlite3.sqlite_version} can lose rows"


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
        ((4, 0, 0), True),
    ],
)
def test_every_version_with_the_defect_is_known(version: tuple[int, ...], safe: bool) -> None:
    assert sqlite_version_is_safe(version) is safe


def test_a_store_is_not_opened_with_an_unsafe_sqlite(store_root: Path) -> None:
    """Python's own module stands in for the bundled one: where that is old, opening must be refused."""
    code = f"""
import sys
sys.modules["pysqlite3"] = None
import sqlite3
from store import StoreError, open_store
from store.db import sqlite_version_is_safe
try:
    open_store({str(store_root)!r})
    print("opened", sqlite_version_is_safe(sqlite3.sqlite_version_info))
except StoreError as error:
    print("refused", sqlite_version_is_safe(sqlite3.sqlite_version_info), error.remedy)
"""
    done = python(code)
    out, err = done.communicate()
    assert out.split()[:2] in (["opened", "True"], ["refused", "False"]), err
    assert "opened" in out or "pysqlite3>=0.6.1" in out


def test_sixteen_processes_write_two_thousand_metric_rows_each_and_none_is_lost(store: Store) -> None:
    runs = [new_run(store) for _ in range(16)]
    writers = [python(WRITER, store.root, run, 2000) for run in runs]
    cursor, seen = 0, 0
    while any(writer.poll() is None for writer in writers):  # a reader follows the cursor all the while
        points, cursor = store.metrics.after(cursor)
        seen += len(points)
        time.sleep(0.05)
    errors = [writer.communicate()[1] for writer in writers]
    assert errors == [""] * 16
    points, _ = store.metrics.after(cursor, limit=100_000)
    assert seen + len(points) == 16 * 2000
    for run in runs:
        assert store.metrics.series(run, "loss") == [(step, float(step)) for step in range(2000)]


def test_eight_processes_open_a_fresh_store_at_once(tmp_path: Path) -> None:
    openers = [python(OPENER) for _ in range(8)]
    for opener in openers:
        assert opener.stdout is not None and opener.stdout.readline() == "ready\n"
    for number in range(6):
        for opener in openers:
            assert opener.stdin is not None
            opener.stdin.write(f"{tmp_path / str(number)}\n")
            opener.stdin.flush()
    answers = [opener.communicate() for opener in openers]
    assert [err for _, err in answers] == [""] * 8
    assert len({out for out, _ in answers}) == 1 and answers[0][0].count("\n") == 6


def test_the_catalog_is_opened_by_sqlite_alone(
    store_root: Path, tiny_causal: Path, dialogue_file: Path
) -> None:
    done = python(WATCHED, store_root, tiny_causal, dialogue_file)
    out, err = done.communicate()
    foreign, seen = map(int, out.split())
    assert (foreign, err) == (0, "")
    assert seen > 10


def test_the_import_of_the_store_loads_neither_pandas_nor_numpy() -> None:
    code = """
import sys, store
print([name for name in ("pandas", "numpy", "pyarrow", "torch") if name in sys.modules])
import numpy
print(numpy.zeros(1).shape)
"""
    assert python(code).communicate()[0].splitlines() == ["[]", "(1,)"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_the_store_is_private_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    code = f"""
import os
os.umask({mask:#o})
from store import open_store
store = open_store({str(tmp_path / "store")!r})
store.runs.create(name="x", model="m", dataset="d", template="t", method="lora", settings={{}}, lineage={{}})
for path in [store.root, *sorted(store.root.rglob("*"))]:
    print(path.name, oct(path.stat().st_mode & 0o777), path.is_dir())
"""
    out, err = python(code).communicate()
    assert err == ""
    lines = [line.split() for line in out.splitlines()]
    assert {"store", "catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.lock", "run.toml"} <= {
        name for name, _, _ in lines
    }
    for name, mode, is_folder in lines:
        assert mode == ("0o700" if is_folder == "True" else "0o600"), name


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    run = new_run(store)
    with pytest.raises(ZeroDivisionError), write(store.db):
        store.db.execute("update runs set name = 'changed'")
        _ = 1 / 0
    assert store.runs.get(run).name == "run"


def test_a_failed_batch_of_metrics_forgets_its_new_names_too(store: Store) -> None:
    run = new_run(store)
    with pytest.raises(ZeroDivisionError), write(store.db):
        store.metrics.append(run, [(1, "loss", 1.0)])
        _ = 1 / 0
    store.metrics.append(run, [(1, "loss", 2.0)])
    assert store.metrics.latest(run) == {"loss": 2.0}


def test_state_is_written_through_to_the_disk_and_metrics_need_not_be(store: Store) -> None:
    with write(store.db):
        assert store.db.execute("pragma synchronous").fetchone() == (2,)  # FULL
    with write(store.db, durable=False):
        assert store.db.execute("pragma synchronous").fetchone() == (1,)  # NORMAL
    assert store.db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert store.db.execute("pragma foreign_keys").fetchone() == (1,)


def test_a_writer_of_another_program_is_kept_out_from_the_first_moment(store: Store) -> None:
    """A transaction that took the lock only with its first change could fail after it had read."""
    other = sqlite3.connect(store.root / "catalog.db", timeout=0, isolation_level=None)
    with write(store.db), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("begin immediate")
    other.execute("begin immediate")
    other.execute("rollback")


def test_writers_wait_for_the_lock_in_the_order_of_their_coming(store: Store) -> None:
    order: list[int] = []

    def work(number: int) -> None:
        with open_store(store.root) as mine, write(mine.db):
            order.append(number)

    with (store.root / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert order == list(range(6))


def test_a_lock_that_never_comes_free_is_an_error_with_the_remedy(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.db.LOCK_SECONDS", 0.2)
    with (store.root / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="locked by another process"), write(store.db):
            pass
    with write(store.db):  # the abandoned wait has let go of the lock
        pass


def test_a_lock_dies_with_its_holder(store: Store) -> None:
    code = f"""
import time
from store import open_store
from store.db import write
with open_store({str(store.root)!r}) as store, write(store.db):
    print("held", flush=True)
    time.sleep(60)
"""
    holder = python(code)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    holder.kill()
    start = time.monotonic()
    with write(store.db):
        pass
    assert time.monotonic() - start < 2
    holder.communicate()


def test_a_change_by_another_connection_is_seen(store: Store) -> None:
    before = store.changes()
    assert store.changes() == before
    with open_store(store.root) as other:
        new_run(other)
    assert store.changes() != before


def test_a_read_only_catalog_can_be_read_and_says_so_when_written(store: Store) -> None:
    new_run(store)
    store.close()  # the last connection brings everything into the one file
    db = connect(store.root / "catalog.db", read_only=True)
    assert db.table("runs").count == 1
    with pytest.raises(Unavailable, match="read-only"), write(db):
        db.execute("delete from runs")


def test_a_file_that_is_no_catalog_is_told_as_such(store_root: Path) -> None:
    store_root.mkdir(mode=0o700)
    (store_root / "catalog.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable, match="not an SQLite catalog"):
        open_store(store_root)


def test_a_full_disk_is_told_as_such(store: Store) -> None:
    """A limit on the number of pages is SQLite's own way to be full."""
    run = new_run(store)
    pages = store.db.execute("pragma page_count").fetchone()[0]
    store.db.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(Unavailable, match="disk is full"):
        for number in range(50):
            store.metrics.append(
                run, [(step, "loss", 1.0) for step in range(number * 100, number * 100 + 100)]
            )
    store.db.execute("pragma max_page_count = 1000000")
    new_run(store)
    assert store.db.execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_store_is_refused(store_root: Path) -> None:
    open_store(store_root).close()
    os.chown(store_root, 12345, -1)
    with pytest.raises(Unavailable, match="belongs to another user"):
        open_store(store_root)
