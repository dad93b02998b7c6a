"""Ask a base model and its adapters for text: through its model server, which is started where none answers.

It starts processes and reads their answers from a line or from the store; it loads no model.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from store import Store, open_store
from store.adapters import Adapter
from store.datasets import Dataset
from store.engines import RemoteEngine
from store.errors import BadInput, NotFound, Unavailable
from store.evaluations import Evaluation
from store.files import private_folder
from store.identity import Identity
from store.models import Model
from workbench import link, processes
from workbench.composing.template import check
from workbench.events import Event, Line, Note, Output, Restart, Token
from workbench.link import REQUEST_BYTES, ROWS, Link, Lost, Sampling, TokenDetail
from workbench.serving import ServerStatus, lives, reach, server_status, stop_server

__all__ = [
    "REQUEST_BYTES",
    "Event",
    "Line",
    "Note",
    "Output",
    "Restart",
    "Sampling",
    "ServerStatus",
    "Token",
    "TokenDetail",
    "evaluate",
    "generate",
    "server_status",
    "stop_server",
]

EVALUATION_TOKENS = 128
RESTARTS = 3
RESTART_SECONDS = 60.0
_PROGRESS_SECONDS = 0.25


def generate(
    root: Path,
    model: str,
    adapters: Sequence[str | None],
    prompt: str,
    options: Sampling | None = None,
    on_event: Callable[[Event], None] | None = None,
    *,
    on_line: Callable[[Line], None] | None = None,
    restarts: int = RESTARTS,
) -> list[Output]:
    """Answer one prompt with several adapters of one base, streaming; a server is started where none answers.

    A server that is lost in the middle is started again and asked the same. Where the model has an engine
    elsewhere, that one is asked.

    Args:
        root: The store's folder.
        model: The base model's name.
        adapters: Names, or RUN@STEP for a checkpoint of a run; None is the bare base.
        prompt: The text that the model is shown, already rendered.
        options: How tokens are chosen; greedy by default.
        on_event: Called with each piece of text, each note, and at a restart; raising in it ends the
            generation on the server too.
        on_line: Called with each line to a server or an engine, on which another thread may hang up.
        restarts: How often within a minute a server that ends is started again.

    Returns:
        One output per adapter, in their order.

    Raises:
        BadInput: The prompt is too long, or an adapter's weights can't be used.
        NotFound: No such model or adapter.
        Conflict: An adapter was made for another base.
        Unavailable: The server could not start, or stopped answering.
    """
    record, found, engine = _checked(root, model, adapters)
    tell = on_event or (lambda _: None)
    if engine is not None:
        from workbench import remote  # only here: few have an engine elsewhere

        question = remote.Question(engine, record, found, prompt, options or Sampling())
        return remote.ask(question, tell, on_line)
    request: dict[str, Any] = {
        "op": "generate",
        "prompts": [prompt],
        "adapters": list(adapters),
        "sampling": asdict(options or Sampling()),
    }
    ends: list[float] = []
    while True:
        try:
            with reach(root, record) as line:
                if on_line is not None:
                    on_line(line)
                return _ask(line, request, adapters, tell)
        except Lost as error:
            ends = [*(end for end in ends if time.monotonic() - end < RESTART_SECONDS), time.monotonic()]
            log = link.log_path(root, model)
            why = processes.last_line(log)
            if len(ends) > restarts:
                often = f", {len(ends)} times in {RESTART_SECONDS:.0f} s" if restarts else ""
                raise Unavailable(f"{error.what}{often} ({why})", f"its log is {log}") from error
            tell(Restart(len(ends), why))


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
    record, _, _ = _checked(root, model, adapters)
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


def _checked(
    root: Path, model: str, adapters: Sequence[str | None]
) -> tuple[Model, list[Adapter | None], RemoteEngine | None]:
    """The records, after a look at all that is named: such mistakes need no process to be seen."""
    if not 1 <= len(adapters) <= ROWS:
        raise BadInput(f"{len(adapters)} adapters are asked for", f"ask for 1 to {ROWS} at a time")
    with open_store(root, create=False) as store:
        record = store.models.get(model)
        found = [None if name is None else store.adapters.resolve(name) for name in adapters]
        for adapter in found:
            if adapter is not None:
                store.adapters.check_base(adapter, record)
        return record, found, store.engines.get(model)


def _ask(
    line: Link, request: dict[str, Any], adapters: Sequence[str | None], tell: Callable[[Event], None]
) -> list[Output]:
    ended: dict[int, Output] = {}
    line.send(request)
    for event in line.events():
        if event["event"] == "note":
            tell(Note(event["text"]))
            continue
        row = event["row"]
        if event["event"] == "text":
            details = tuple(link.detail(each) for each in event.get("tokens", ()))
            tell(Token(row, adapters[row], event["text"], details))
        else:
            ended[row] = Output(adapters[row], event["text"], event["tokens"], event["seconds"])
    return [ended[row] for row in range(len(adapters))]


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
        alive = lives(worker)
        group_now = store.evaluations.list(group)
        if on_progress is not None:
            done = sum(each.total if each.status == "completed" else each.rows for each in group_now)
            on_progress(done, sum(each.total for each in group_now))
        if all(each.status != "running" for each in group_now):
            return
        if not alive:
            _fail_running(store, group, f"its process ended ({processes.last_line(log)})")
            return
        time.sleep(_PROGRESS_SECONDS)


def _fail_running(store: Store, group: str, error: str) -> None:
    for each in store.evaluations.list(group):
        if each.status == "running":
            store.evaluations.fail(each.id, error)
