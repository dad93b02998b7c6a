"""An evaluation that is killed or interrupted keeps its answers, and goes on as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import stocking

from store import Store, open_store
from store.errors import Unavailable
from workbench import processes
from workbench.evaluating import EvaluationOptions, evaluate, lock_path
from workbench.link import Sampling
from workbench.worker import evaluate as worker

ROWS = 320
ASKED = EvaluationOptions("causal", (None,), "many", "t", sampling=Sampling(max_new_tokens=60))


@pytest.fixture
def many(stock: Store, dialogue_rows: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with rows for several batches, each longer than the one before."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    rows = [dialogue_rows[at % 24] | {"dialogue": "Anna: Yes. " * (at // 8 % 20)} for at in range(ROWS)]
    stocking.add_rows(stock, "many", rows, split="test")
    return stock


def until_some_are_answered(root: Path) -> None:
    """Wait until the newest evaluation has some of its rows."""
    deadline = time.monotonic() + 120
    with open_store(root) as store:
        while not (found := store.evaluations.list()) or not found[0].rows:
            assert time.monotonic() < deadline, "nothing is answered"
            time.sleep(0.005)


def kill_worker(root: Path, group: str) -> None:
    until_some_are_answered(root)
    found = processes.find("workbench.worker", "evaluate", group, str(root))
    assert found is not None and processes.terminate(found, signal.SIGKILL)


def test_a_killed_evaluation_goes_on_with_the_rows_that_lack(many: Store) -> None:
    """And its answers are those of one that nobody disturbed."""
    killer = threading.Thread(target=kill_worker, args=(many.root, "g1"))
    killer.start()
    with pytest.raises(Unavailable, match=r"e1 was interrupted: .*--resume g1"):
        evaluate(many.root, ASKED)
    killer.join()
    (killed,) = many.evaluations.list()
    assert (killed.status, 0 < killed.rows < ROWS) == ("interrupted", True)
    kept = many.evaluations.answered("e1")
    many.evaluations.begin("e1")
    marked = many.evaluations.rows("e1")[0]
    many.evaluations.append("e1", [type(marked)(**vars(marked) | {"prediction": "kept"})])
    many.evaluations.interrupt("e1", "again")

    told: list[int] = []
    (done,) = evaluate(many.root, ASKED, lambda count, _: told.append(count))
    assert (done.id, done.status, done.rows) == ("e1", "completed", ROWS)
    assert told[0] == len(kept) and told[-1] == ROWS

    named = ("model", "adapter", "dataset", "split", "template", "total", "settings")
    undisturbed = many.evaluations.create(**{name: getattr(done, name) for name in named})
    assert worker.main(many.root, undisturbed.group) == 0
    rows = {row.index: row for row in many.evaluations.rows("e1")}
    assert rows.pop(marked.index).prediction == "kept"  # it was not asked again
    alike = {row.index: row for row in many.evaluations.rows(undisturbed.id) if row.index != marked.index}
    assert rows == alike


def test_an_interrupt_at_the_keyboard_keeps_what_there_is(many: Store) -> None:
    words = ["evaluate", "--model", "causal", "--dataset", "many", "--template", "t"]
    argv = [sys.executable, "-m", "workbench", "--store", str(many.root), *words]
    # Tests in the background ignore it, and a process inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as asking:
        signal.signal(signal.SIGINT, before)
        until_some_are_answered(many.root)
        asking.send_signal(signal.SIGINT)
        _, told = asking.communicate(timeout=30)
    assert asking.returncode == 130
    assert "the same command goes on from there" in told
    (evaluation,) = many.evaluations.list()
    assert (evaluation.status, 0 < evaluation.rows < ROWS) == ("interrupted", True)
    assert not processes.held(lock_path(many.root, evaluation.group))
