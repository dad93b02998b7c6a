"""What the tests of the screens stand on: a store that has been worked with, and the app over it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from driver import User, wait_for, words
from textual.pilot import Pilot

from store import Store, open_store
from store.evaluations import EvaluationRow
from store.files import staging
from store.models import Model
from workbench import link, processes
from workbench.evaluation.report import corpus_scores
from workbench.runs import queue
from workbench.telemetry import GpuReading, HostReading
from workbench.tui import app as app_module
from workbench.tui.app import WorkbenchApp
from workbench.tui.live import Telemetry

TWO_DAYS = 2 * 86_400
GIB = 2**30
FINGERPRINT = "0123456789abcdef" * 4
TEMPLATE = '''name = "summarise"
task = "dialogue summary"
[[variants]]
name = "summary-of"
prompt = """Dialogue:
{{ dialogue }}
What is a summary of this dialogue?
"""
completion = "{{ summary }}"
[[variants]]
name = "in-short"
prompt = """{{ dialogue }}
In short: """
completion = "{{ summary }}"
'''
REFERENCES = (
    "Ben brings apples.",
    "David brings bread to the party.",
    "Felix brings a map.",
    "Anna brings two tickets.",
)
BASE_SAID = ("Anna: Do you bring apples?", "Yes, I bring bread.", "a map a map a map a map", "")
ADAPTER_SAID = (
    "Ben brings apples.",
    "David brings the bread.",
    "Felix brings a map.",
    "Anna brings tickets.",
)


class StillApp(WorkbenchApp):
    """The app with one GPU whose readings never change, so that a picture of it is the same everywhere."""

    CSS_PATH = Path(app_module.__file__).with_name("workbench.tcss")

    def on_telemetry(self, message: Telemetry) -> None:
        message.prevent_default()
        gpu = GpuReading(0, "NVIDIA H200", 20 * GIB, 140 * GIB, 87, 61, 512.0, ())
        host = HostReading(30 * GIB, 128 * GIB, 12.0, 0, 0)
        super().on_telemetry(Telemetry((gpu,), host, {}, 0.0))


@pytest.fixture
def template_file(tmp_path: Path) -> Path:
    """A template over the columns of the dialogues."""
    path = tmp_path / "summarise.toml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def stocked_folder(
    tmp_path_factory: pytest.TempPathFactory, tiny_seq2seq: Path, dialogue_rows: list[dict[str, str]]
) -> Path:
    """The store that `stocked` is a copy of."""
    folder = tmp_path_factory.mktemp("stocked")
    rows, template = folder / "dialogues.jsonl", folder / "summarise.toml"
    rows.write_text("".join(json.dumps(row) + "\n" for row in dialogue_rows), encoding="utf-8")
    template.write_text(TEMPLATE, encoding="utf-8")
    with open_store(folder / "store") as store:
        store.models.add(str(tiny_seq2seq), name="tiny")
        store.datasets.add(rows, name="dialogues")
        store.datasets.add(rows, name="dialogues", split="test")
        store.templates.add(template)
    return folder / "store"


@pytest.fixture(scope="session")
def worked_folder(tmp_path_factory: pytest.TempPathFactory, stocked_folder: Path) -> Path:
    """The store that `worked` is a copy of."""
    folder = tmp_path_factory.mktemp("worked") / "store"
    shutil.copytree(stocked_folder, folder)
    with open_store(folder) as store:
        publish_adapter(store, make_run(store, "first-try"))
        make_run(store, "too-fast", nan_at=6, outcome="failed")
        make_run(store, "second-try", steps=40, until=26, outcome="running")
        make_run(store, "waiting", outcome="queued")
        evaluate(store)
        age_everything(store)
    return folder


@pytest.fixture
def stocked(store_root: Path, stocked_folder: Path) -> Iterator[Store]:
    """A store with a model, a dataset of two splits and a template, and nothing done with them."""
    shutil.copytree(stocked_folder, store_root)
    with open_store(store_root) as store:
        yield store


@pytest.fixture
def worked(store_root: Path, worked_folder: Path) -> Iterator[Store]:
    """A store that has been worked with, two days ago: runs of every end, an adapter, an evaluation."""
    shutil.copytree(worked_folder, store_root)
    with open_store(store_root) as store:
        yield store


def make_run(
    store: Store,
    name: str,
    *,
    steps: int = 20,
    until: int | None = None,
    nan_at: int = -1,
    outcome: str = "completed",
) -> str:
    """Enter a run with its metrics and log as a trainer would have left them; returns its id."""
    run = store.runs.create(
        name=name,
        model="tiny",
        dataset="dialogues",
        template="summarise",
        method="lora",
        settings={"max_steps": steps, "seed": 1},
        lineage={"seed": 1, "dataset": {"name": "dialogues", "split": "train"}},
    )
    if outcome == "queued":
        return run.id
    store.runs.claim(run.id, "test")
    store.runs.begin(run.id, steps)
    for step in range(1, (until or steps) + 1):
        loss = math.nan if step == nan_at else 4 * math.exp(-3 * step / steps)
        values = {"loss": loss, "learning_rate": 1e-3, "grad_norm": 1.5, "tokens_per_second": 1200.0}
        values["memory_bytes"] = 5e8 + 2e7 * min(step, 5)
        if step % 5 == 0:
            values["eval_loss"] = loss + 0.1
        store.metrics.append(run.id, [(step, key, value) for key, value in values.items()])
        store.runs.progress(run.id, step)
    lines = [f"step {step} of {steps}" for step in range(1, (until or steps) + 1)]
    store.runs.log_path(run).write_text("\n".join(["loading the model", *lines]) + "\n", encoding="utf-8")
    if outcome == "failed":
        store.runs.fail(run.id, "the loss is not a number at step 6", "lower learning_rate to 1e-4")
    return run.id


def publish_adapter(store: Store, run_id: str, name: str = "first-try") -> None:
    """Publish a small LoRA adapter as the result of a run, and complete the run."""
    import numpy
    from safetensors.numpy import save_file

    model = store.models.get("tiny")
    with staging(store.root) as staged:
        config = {"peft_type": "LORA", "base_model_name_or_path": str(model.path), "r": 4, "lora_alpha": 8}
        config |= {"target_modules": ["q"], "task_type": "SEQ_2_SEQ_LM"}
        (staged / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
        weights = {"base_model.model.encoder.q.lora_A.weight": numpy.zeros((4, 32), dtype="float32")}
        save_file(weights, staged / "adapter_model.safetensors")
        store.adapters.publish(
            staged, name=name, model=model, method="lora", run=run_id, trainable=1280, lineage={"seed": 1}
        )
    store.runs.complete(run_id, name)


def evaluate(store: Store, adapter: str = "first-try") -> str:
    """Enter a finished evaluation of the base and an adapter; returns its group."""
    group = None
    for system, said in ((None, BASE_SAID), (adapter, ADAPTER_SAID)):
        made = store.evaluations.create(
            group,
            model="tiny",
            adapter=system,
            dataset="dialogues",
            split="test",
            template="summarise",
            total=len(said),
            settings={},
        )
        group = made.group
        rows = [
            EvaluationRow(at, f"Dialogue {at}: what is a summary?", text, (REFERENCES[at],), None)
            for at, text in enumerate(said)
        ]
        store.evaluations.append(made.id, rows)
        pairs = [(row.prediction, row.references) for row in rows]
        store.evaluations.finish(made.id, corpus_scores(pairs))
    assert group is not None
    return group


def age_everything(store: Store) -> None:
    """Move every record two days back, and let the runs have taken 40 seconds: pictures do not age."""
    then = time.time() - TWO_DAYS - 60
    with store.db.conn:
        for table in ("models", "datasets", "adapters", "evaluations", "runs"):
            store.db.execute(f"update {table} set created = ?", [then])  # noqa: S608 (our own names)
        # What depends on the libraries that wrote the files is given a value of our own.
        store.db.execute(
            "update models set source = '/data/tiny', bytes = 262144, fingerprint = ?", [FINGERPRINT]
        )
        store.db.execute(
            "update adapters set bytes = 2048, fingerprint = ?, model_fingerprint = ?", [FINGERPRINT] * 2
        )
        store.db.execute("update datasets set source = '/data/dialogues.jsonl'")
        store.db.execute("update runs set started = ? where started is not null", [then])
        store.db.execute("update runs set ended = ? where ended is not null", [then + 40])


@pytest.fixture
def enter_run() -> Callable[..., str]:
    """Enters a run with its metrics and log; see `make_run` for the options."""
    return make_run


@pytest.fixture
def finish() -> Any:
    """`finish.publish(store, run_id)` ends a run with an adapter, `finish.evaluate(store)` scores that."""

    class Finish:
        publish = staticmethod(publish_adapter)
        evaluate = staticmethod(evaluate)

    return Finish()


@pytest.fixture
def fleet(worked: Store) -> Store:
    """A store that has been worked with until there were three adapters of one base."""
    for name in ("second", "third"):
        publish_adapter(worked, make_run(worked, name, outcome="running"), name)
    return worked


@pytest.fixture
def answer() -> dict[str, Any]:
    """What a probe may answer about the memory of a run; where it is kept, none is started."""
    return {
        "trained": 43_008,
        "total": 104_896,
        "weights": 419_584,
        "by_dtype": {"float32": 419_584},
        "gradients": 172_032,
        "optimizer": 344_064,
        "activations": 1_000_000,
        "training": 1_935_680,
        "evaluation": 800_000,
        "overhead": 400_000_000,
        "device": "cpu",
        "shapes": [{"rows": 8, "source": 64, "target": 16, "padded": True}, None],
        "rows": 24,
        "rows_seen": 24,
        "mean_tokens": 50.0,
        "alternatives": [],
        "notes": [],
    }


@pytest.fixture
def checkpoint() -> Callable[[Store, str, int], None]:
    """Publishes a checkpoint of a run that can be tried as an adapter: the files of `first-try`."""

    def publish(store: Store, run_id: str, step: int) -> None:
        lineage = store.runs.get(run_id).lineage | {"base": {"fingerprint": FINGERPRINT}}
        store.db.table("runs").update(int(run_id[1:]), {"lineage": json.dumps(lineage)})
        with store.checkpoints.staging(run_id, step) as staged:
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                shutil.copy(store.adapters.get("first-try").path / name, staged / name)
            store.checkpoints.publish(run_id, step, staged)

    return publish


@pytest.fixture
def still_app() -> type[StillApp]:
    """The app whose pictures do not depend on the machine."""
    return StillApp


Opened = Callable[..., AbstractAsyncContextManager[Pilot[Any]]]


@pytest.fixture
def opened() -> Opened:
    """Opens the app on a store, at a size and with options of the app, and lets it settle."""

    @asynccontextmanager
    async def open_app(
        root: Path, *, size: tuple[int, int] = (120, 40), **options: Any
    ) -> AsyncIterator[Pilot[Any]]:
        # Whoever holds the queue's lock is the dispatcher: none is started, and no run is adopted or ended.
        lock = processes.HeldLock.take(root / queue.LOCK)
        assert lock is not None
        try:
            app = StillApp(root, **options)
            async with app.run_test(size=size, notifications=True) as pilot:
                await pilot.pause(0.3)
                yield pilot
        finally:
            lock.release()

    return open_app


UserOf = Callable[..., AbstractAsyncContextManager[User]]


@pytest.fixture
def user(opened: Opened) -> UserOf:
    """Somebody who opens the screens of a store; takes what `opened` takes."""

    @asynccontextmanager
    async def sit_down(root: Path, **options: Any) -> AsyncIterator[User]:
        async with opened(root, **options) as pilot:
            yield User(pilot)

    return sit_down


@pytest.fixture
def look() -> Any:
    """`look(pilot)`: the screen's text; `await look.wait(pilot, text)`: until a text is on it."""

    class Look:
        wait = staticmethod(wait_for)

        def __call__(self, pilot: Pilot[Any]) -> str:
            return words(pilot)

    return Look()


class FakeServer:
    """Speaks a model server's protocol on its socket, without a model: it answers what it was told to.

    Args:
        root: The store's folder.
        model: The record that it claims to hold.
        answers: What each system says, by name; None is the base.
        pace: Seconds between a word of everybody and the next.
        error: An error event to answer with instead.
        chances: The probabilities of each system's words, in a circle; without, no tokens are told.
        notes: What it tells before it answers.
        ends: Of so many questions the line breaks after the second word, as when the server is killed.
    """

    def __init__(
        self,
        root: Path,
        model: Model,
        answers: dict[str | None, str],
        pace: float = 0.0,
        error: dict[str, str] | None = None,
        chances: dict[str | None, tuple[float, ...]] | None = None,
        notes: tuple[str, ...] = (),
        ends: int = 0,
    ) -> None:
        self.model, self.answers, self.pace, self.error = model, answers, pace, error
        self.chances, self.notes, self.ends = chances or {}, notes, ends
        self.requests: list[dict[str, Any]] = []
        self.cut_off = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        descriptor = os.open(link.serving_folder(root), os.O_PATH)
        self._socket.bind(f"/proc/self/fd/{descriptor}/{model.name}.sock")
        os.close(descriptor)
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        def say(event: dict[str, Any]) -> None:
            connection.sendall(json.dumps(event).encode() + b"\n")

        say(
            {
                "protocol": link.PROTOCOL,
                "model": self.model.name,
                "fingerprint": self.model.fingerprint,
                "pid": 1,
            }
        )
        line = connection.makefile("rb").readline()
        if not line:
            return
        self.requests.append(json.loads(line))
        if self.error is not None:
            say({"event": "error", **self.error})
            return
        for note in self.notes:
            say({"event": "note", "text": note})
        self._speak(connection, say)

    def _speak(self, connection: socket.socket, say: Callable[[dict[str, Any]], None]) -> None:
        systems = self.requests[-1]["adapters"]
        words = [self.answers[system].split(" ") for system in systems]
        for at in range(max(map(len, words))):
            time.sleep(self.pace)
            if select.select([connection], [], [], 0)[0]:
                self.cut_off = True
                return
            if at == 2 and len(self.requests) <= self.ends:
                return
            for row, (system, said) in enumerate(zip(systems, words, strict=True)):
                if at < len(said):
                    say(self._word(row, system, said, at))
                if at == len(said) - 1:
                    text = self.answers[system]
                    say({"event": "end", "row": row, "text": text, "tokens": len(said), "seconds": 0.5})
        say({"event": "done"})

    def _word(self, row: int, system: str | None, said: list[str], at: int) -> dict[str, Any]:
        word = said[at] if at == 0 else f" {said[at]}"
        event: dict[str, Any] = {"event": "text", "row": row, "text": word}
        if system in self.chances:
            chance = self.chances[system][at % len(self.chances[system])]
            number = sum(map(ord, word))
            top = [[number, word, chance], [1, " other", (1 - chance) / 2], [2, "\n", (1 - chance) / 4]]
            event["tokens"] = [{"id": number, "text": word, "chance": chance, "top": top}]
        return event


@pytest.fixture
def fake_server() -> Iterator[Callable[..., FakeServer]]:
    """Starts model servers that hold no model; they end with the test."""
    started: list[FakeServer] = []

    def start(store: Store, answers: dict[str | None, str], **options: Any) -> FakeServer:
        started.append(FakeServer(store.root, store.models.get("tiny"), answers, **options))
        return started[-1]

    yield start
    for server in started:
        server.close()
