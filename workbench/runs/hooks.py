"""The person's own program, run by the dispatcher for every alert and every run that ends.

It is named in the person's own settings alone, is started without a shell, and has some seconds. Whether it
works is its own affair: what fails is said in the queue's log.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from store import Store
from store.alerts import Alert
from store.errors import StoreError
from store.files import write_atomic
from store.runs import Run
from workbench.settings import alert_command
from workbench.text import clean

STATE = "hooks.json"
SECONDS = 10.0


@dataclass(frozen=True)
class Event:
    """What happened, as the program gets it: as JSON on its input, and each field in its environment."""

    event: str
    """`alert` or `end`."""
    kind: str
    """The alert's kind, or the status that the run ended in."""
    message: str
    run: str
    name: str
    step: int
    total_steps: int
    store: str

    def environment(self) -> dict[str, str]:
        """The fields as `WORKBENCH_EVENT`, `WORKBENCH_KIND` and so on, each one harmless line."""
        return {
            f"WORKBENCH_{name.upper()}": clean(str(value)).replace("\0", "")
            for name, value in asdict(self).items()
        }


class Hooks:
    """Looks what is new at each turn of the dispatcher, and has the program run for it, one at a time.

    What was told is remembered in a file of the store: a dispatcher that takes over neither forgets nor
    repeats.

    Args:
        store: An open store of the dispatcher's thread.
        command: Reads what to run from the settings, anew for each event.
        seconds: How long it may take.
        say: Writes to the queue's log; also from another thread.
    """

    def __init__(
        self,
        store: Store,
        say: Callable[[str], None],
        *,
        command: Callable[[], tuple[str, ...]] = alert_command,
        seconds: float = SECONDS,
    ) -> None:
        self._store = store
        self._say = say
        self._command = command
        self._seconds = seconds
        # Its thread is waited for when the process ends.
        self._runner = ThreadPoolExecutor(1, thread_name_prefix="hook")
        self._told = self._read_state()

    def turn(self, working: Iterable[Run]) -> None:
        """Have the program run for what is new since the last turn.

        Args:
            working: The runs at work now.
        """
        alerts, cursor = self._store.alerts.after(self._told["alert"])
        live = [run.id for run in working]
        ended = [run for run in self._gone(live) if run.over]
        told = {"alert": cursor, "live": live}
        if told == self._told:
            return
        events = [*map(self._of_alert, alerts), *map(self._of_end, ended)]
        try:
            write_atomic(self._store.root / STATE, json.dumps(told))
        except OSError:
            return  # a full disk passes: it is all still new at a later turn
        self._told = told
        if events and (command := self._named()):
            for event in events:
                self._runner.submit(self._run, command, event)

    def close(self) -> None:
        """Wait until what was begun has ended."""
        self._runner.shutdown()

    def _gone(self, live: list[str]) -> Iterator[Run]:
        for run_id in self._told["live"]:
            if run_id not in live:
                try:
                    yield self._store.runs.get(run_id)
                except StoreError:
                    continue  # it was removed

    def _of_alert(self, alert: Alert) -> Event:
        return self._event(self._store.runs.get(alert.run), "alert", alert.kind, alert.message, alert.step)

    def _of_end(self, run: Run) -> Event:
        made = f"adapter {run.adapter}" if run.adapter else ""
        return self._event(run, "end", run.status, run.error or made, run.step)

    def _event(self, run: Run, event: str, kind: str, message: str, step: int) -> Event:
        root = str(self._store.root)
        return Event(event, kind, clean(message), run.id, clean(run.name), step, run.total_steps, root)

    def _named(self) -> tuple[str, ...]:
        try:
            return self._command()
        except StoreError as error:
            self._say(f"alerts are not passed on: {error}")
            return ()

    def _run(self, command: tuple[str, ...], event: Event) -> None:
        told = f"{command[0]} for {event.kind} of {event.run}"
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                cwd=self._store.root,
                env=os.environ | event.environment(),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._say(f"{told} cannot be started: {error}")
            return
        began = time.monotonic()
        try:
            child.communicate(json.dumps(asdict(event)).encode(), timeout=self._seconds)
        except subprocess.TimeoutExpired:
            # Its group is its own: what it started goes with it.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            self._say(f"{told} was ended after {time.monotonic() - began:.0f} seconds")
        else:
            if child.returncode:
                self._say(f"{told} ended with status {child.returncode}")

    def _read_state(self) -> dict[str, Any]:
        try:
            told = json.loads((self._store.root / STATE).read_text(encoding="utf-8"))
            return {"alert": int(told["alert"]), "live": [str(each) for each in told["live"]]}
        except (OSError, ValueError, KeyError, TypeError):
            # A store that never had one: what lies behind is not news.
            return {"alert": self._store.alerts.end(), "live": []}
