"""Ask a base model and its adapters for text: through its model server, which is started where none answers.

It starts processes and reads their answers from a line; it loads no model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from store import open_store
from store.adapters import Adapter
from store.engines import RemoteEngine
from store.errors import BadInput, Unavailable
from store.models import Model
from workbench import link, processes
from workbench.events import Event, Line, Note, Output, Restart, Token
from workbench.link import REQUEST_BYTES, ROWS, Link, Lost, Sampling, TokenDetail
from workbench.serving import ServerStatus, reach, server_status, stop_server

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
    "generate",
    "server_status",
    "stop_server",
]

RESTARTS = 3
RESTART_SECONDS = 60.0


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
