"""Ask a base model and its adapters for text: through its model server, which is started where none answers.

It starts processes and reads their answers from a line or from the store; it loads no model.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from store import Store, open_store
from store.datasets import Dataset
from store.errors import BadInput, NotFound, Unavailable
from store.evaluations import Evaluation
from store.files import private_folder
from store.identity import Identity
from store.models import Model
from workbench import link, processes
from workbench.composing.template import check
from workbench.link import REQUEST_BYTES, ROWS, Link, Lost, Sampling
from workbench.settings import load_settings

__all__ = [
    "REQUEST_BYTES",
    "Output",
    "Sampling",
    "ServerStatus",
    "Token",
    "evaluate",
    "generate",
    "server_status",
    "stop_server",
]

START_SECONDS = 60.0  # from a new process to its greeting; loading the model comes after that
EVALUATION_TOKENS = 128
_POLL_SECONDS = 0.05
_PROGRESS_SECONDS = 0.25
_LOG_BYTES = 1_000_000


@dataclass(frozen=True)
class Token:
    """A piece of text as it is spoken: whole characters, of one token or now and then of several."""

    row: int
    adapter: str | None
    text: str


@dataclass(frozen=True)
class Output:
    """What one adapter, or the base (None), answered; `seconds` of decoding up to its last token."""

    adapter: str | None
    text: str
    tokens: int
    seconds: float


@dataclass(frozen=True)
class ServerStatus:
    """A model server that answers now.

    Attributes:
        model: The base it holds.
        pid: Its process.
        state: `loading`, `ready` or `busy`.
        adapters: Names of the resident adapters, the latest used last.
        waiting: Requests in line.
        idle_seconds: After how long without a request it ends.
    """

    model: str
    pid: int
    state: str
    adapters: tuple[str, ...]
    waiting: int
    idle_seconds: float


def generate(
    root: Path,
    model: str,
    adapters: Sequence[str | None],
    prompt: str,
    options: Sampling | None = None,
    on_event: Callable[[Token], None] | None = None,
) -> list[Output]:
    """Answer one prompt with several adapters of one base, streaming; a server is started where none answers.

    Args:
        root: The store's folder.
        model: The base model's name.
        adapters: Names; None is the bare base.
        prompt: The text that the model is shown, already rendered.
        options: How tokens are chosen; greedy by default.
        on_event: Called with each piece of text; raising in it ends the generation on the server too.

    Returns:
        One output per adapter, in their order.

    Raises:
        BadInput: The prompt is too long, or an adapter's weights can't be used.
        NotFound: No such model or adapter.
        Conflict: An adapter was made for another base.
        Unavailable: The server could not start, or stopped answering.
    """
    sampling = options or Sampling()
    record = _checked(root, model, adapters)
    request: dict[str, Any] = {
        "op": "generate",
        "prompts": [prompt],
        "adapters": list(adapters),
        "sampling": asdict(sampling),
    }
    spoken = False

    def speak(token: Token) -> None:
        nonlocal spoken
        spoken = True
        if on_event is not None:
            on_event(token)

    try:
        return _ask(_reach(root, record), request, adapters, speak)
    except Lost:
        if spoken:
            raise
    # It may just have ended for want of work, or been killed: once more, with a fresh one.
    try:
        return _ask(_reach(root, record), request, adapters, speak)
    except Lost as error:
        log = link.log_path(root, model)
        raise Unavailable(f"{error.what} ({last_line(log)})", f"its log is {log}") from error


def server_status(root: Path) -> list[ServerStatus]:
    """The model servers of this store that answer now."""
    found = []
    for path in sorted(link.serving_folder(root).glob("*.sock")):
        line = link.connect(root, path.name.removesuffix(".sock"))
        if line is not None:
            with line:
                line.send({"op": "status"})
                for event in line.events():
                    event.pop("event")
                    found.append(ServerStatus(**event | {"adapters": tuple(event["adapters"])}))
    return found


def stop_server(root: Path, model: str) -> bool:
    """End a model's server and wait until it is gone; what it is answering is cut off.

    Returns:
        Whether there was one.

    Raises:
        Unavailable: It does not end.
    """
    line = link.connect(root, model)
    if line is None:
        return False
    with line:
        line.send({"op": "shutdown"})
    deadline = time.monotonic() + START_SECONDS
    while processes.held(link.lock_path(root, model)):
        if time.monotonic() > deadline:
            raise Unavailable(
                f"the server of model {model!r} (process {line.pid}) does not end",
                f"end it: kill -9 {line.pid}",
            )
        time.sleep(_POLL_SECONDS)
    return True


def evaluate(
    root: Path,
    model: str,
    adapters: Sequence[str | None],
    dataset: str,
    template: str,
    split: str | None = None,
    limit: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Evaluation]:
    """Let a base and its adapters answer a split of a dataset, in a process of its own, and score that.

    Args:
        root: The store's folder.
        model: The base model's name.
        adapters: Names; None is the bare base.
        dataset: The dataset's name.
        template: The template's name.
        split: The split; None takes test, else validation, else the only one.
        limit: The most rows; None takes all.
        on_progress: Called with rows done and rows in all, over every adapter.

    Returns:
        The finished evaluations, in the order of `adapters`.

    Raises:
        StoreError: Something named does not exist or does not fit, or the worker failed.
    """
    record = _checked(root, model, adapters)
    with open_store(root, create=False) as store:
        made = _enter(store, record, adapters, (dataset, template), split, limit)
        group = made[0].group
        log = private_folder(link.serving_folder(root) / "evaluations") / f"{group}.log"
        nonce = secrets.token_hex(16)
        argv = processes.module_argv("workbench.worker", "evaluate", group, "--store", str(store.root))
        processes.start([*argv, "--nonce", nonce], log=log, cwd=log.parent)
        worker = processes.find(nonce)
        try:
            _wait(store, group, worker, log, on_progress)
        except KeyboardInterrupt:
            if worker is not None:
                processes.terminate(worker)
            _fail_running(store, group, "it was interrupted")
            raise
        ended = store.evaluations.list(group)
    failed = next((each for each in ended if each.status == "failed"), None)
    if failed is not None:
        raise Unavailable(f"evaluation {failed.id} failed: {failed.error}", f"its log is {log}")
    return ended


def _checked(root: Path, model: str, adapters: Sequence[str | None]) -> Model:
    """The model's record, after a look at all that is named: such mistakes need no process to be seen."""
    if not 1 <= len(adapters) <= ROWS:
        raise BadInput(f"{len(adapters)} adapters are asked for", f"ask for 1 to {ROWS} at a time")
    with open_store(root, create=False) as store:
        record = store.models.get(model)
        for name in adapters:
            if name is not None:
                store.adapters.check_base(store.adapters.get(name), record)
    return record


def _ask(
    line: Link, request: dict[str, Any], adapters: Sequence[str | None], speak: Callable[[Token], None]
) -> list[Output]:
    ended: dict[int, Output] = {}
    with line:
        line.send(request)
        for event in line.events():
            row = event["row"]
            if event["event"] == "text":
                speak(Token(row, adapters[row], event["text"]))
            else:
                ended[row] = Output(adapters[row], event["text"], event["tokens"], event["seconds"])
    return [ended[row] for row in range(len(adapters))]


def _reach(root: Path, record: Model) -> Link:
    """A line to the server of exactly this model; one that holds another model of that name is replaced."""
    line = link.connect(root, record.name)
    if line is not None and line.fingerprint != record.fingerprint:
        line.close()
        stop_server(root, record.name)
        line = None
    return line or _start(root, record.name)


def _start(root: Path, model: str) -> Link:
    log = link.log_path(root, model)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.unlink()
    nonce = secrets.token_hex(16)
    idle = str(load_settings(Path.cwd()).serve.idle_seconds)
    argv = processes.module_argv("workbench.worker", "serve", model, "--store", str(root.absolute()))
    processes.start([*argv, "--nonce", nonce, "--idle-seconds", idle], log=log, cwd=log.parent)
    started = processes.find(nonce)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        # Ours, or one that another client started a moment before.
        coming = _lives(started) or processes.held(link.lock_path(root, model))
        line = link.connect(root, model)
        if line is not None:
            return line
        if not coming:
            break
        time.sleep(_POLL_SECONDS)
    raise Unavailable(f"the server of model {model!r} did not start ({last_line(log)})", f"its log is {log}")


def last_line(log: Path) -> str:
    """The last line of a log that says something, for a message of one line."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return "it left no log"
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "its log is empty")


def _enter(
    store: Store,
    model: Model,
    adapters: Sequence[str | None],
    asked: tuple[str, str],
    split: str | None,
    limit: int | None,
) -> list[Evaluation]:
    """Enter one running evaluation per adapter, all in one group."""
    dataset, template = store.datasets.get(asked[0]), store.templates.get(asked[1])
    check(template, dataset.columns)
    chosen = _split(dataset, split)
    total = min(dataset.splits[chosen], limit or dataset.splits[chosen])
    if not total:
        raise BadInput(f"split {chosen!r} of dataset {dataset.name!r} is empty", "name another with --split")
    settings = {
        "max_new_tokens": EVALUATION_TOKENS,
        "temperature": 0.0,
        "variant_seed": 0,
        "template_hash": template.hash,
        "dataset_fingerprint": dataset.fingerprint,
        "model_fingerprint": model.fingerprint,
    }
    made: list[Evaluation] = []
    for adapter in adapters:
        content = store.adapters.get(adapter).fingerprint if adapter is not None else None
        made.append(
            store.evaluations.create(
                made[0].group if made else None,
                model=model.name,
                adapter=adapter,
                dataset=dataset.name,
                split=chosen,
                template=template.name,
                total=total,
                settings=settings | {"adapter_fingerprint": content},
            )
        )
    return made


def _split(dataset: Dataset, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in dataset.splits:
            raise NotFound(
                f"dataset {dataset.name!r} has no split {wanted!r}", f"it has {', '.join(dataset.splits)}"
            )
        return wanted
    for name in ("test", "validation"):
        if name in dataset.splits:
            return name
    return next(iter(dataset.splits))


def _wait(
    store: Store,
    group: str,
    worker: Identity | None,
    log: Path,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Follow a group to its end; what a worker that died left running is marked as failed."""
    while True:
        alive = _lives(worker)
        group_now = store.evaluations.list(group)
        if on_progress is not None:
            done = sum(each.total if each.status == "completed" else each.rows for each in group_now)
            on_progress(done, sum(each.total for each in group_now))
        if all(each.status != "running" for each in group_now):
            return
        if not alive:
            _fail_running(store, group, f"its process ended ({last_line(log)})")
            return
        time.sleep(_PROGRESS_SECONDS)


def _fail_running(store: Store, group: str, error: str) -> None:
    for each in store.evaluations.list(group):
        if each.status == "running":
            store.evaluations.fail(each.id, error)


def _lives(process: Identity | None) -> bool:
    return process is not None and processes.alive(process)
