"""Runs: their record, table, requests and folder; what a run does is the worker's affair."""

from __future__ import annotations

import builtins
import contextlib
import itertools
import json
import re
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from store.db import write
from store.errors import BadInput, Conflict, NotFound, StoreError, Unavailable, not_found
from store.files import check_name, folder_bytes, inside, private_folder, write_atomic
from store.identity import Identity
from store.run_status import ENDED, IDLE, LIVE, RESUMABLE, STATUSES, Request, Status, check_move
from store.strangers import strange
from store.trash import bury, recover
from store.trashed_runs import KEPT_RUNS, RUNS, entry_of, hide

if TYPE_CHECKING:
    from sqlite_utils import Database

LOG = "log.txt"
_KEPT = f"id {KEPT_RUNS}"
_SHOWN_IDS = 3
_JSON = ("settings", "lineage", "plan")
_TEXTS = ("name", "model", "dataset", "template", "method")
_NUMBERS = ("step", "total_steps", "created", "priority", "attempts")
_TIMES = ("started", "ended", "heartbeat")
_OPTIONAL_TEXTS = ("adapter", "error", "hint", "request", "mixture", "sweep", "identity")
_IDENTITY = ",".join(each.name for each in fields(Identity))
# SQLite finds what may be no run: it takes a NaN within JSON for a fault, which Python reads.
_SUSPECT = " or ".join(
    [
        f"id < 1 or status not in {STATUSES} or not json_valid(devices) or devices not like '[%'",
        f"""case when json_valid(identity) then (select group_concat(key) from json_each(identity))
            else identity end is not '{_IDENTITY}' and identity is not null""",  # noqa: S608 (our own names)
        *(f"typeof({column}) != 'text'" for column in (*_TEXTS, *_JSON)),
        *(f"not json_valid({column}) or ltrim({column}) not like '{{%'" for column in _JSON),
        *(f"typeof({column}) not in ('integer', 'real')" for column in _NUMBERS),
        *(f"typeof({column}) not in ('integer', 'real', 'null')" for column in _TIMES),
        *(f"typeof({column}) not in ('text', 'null')" for column in _OPTIONAL_TEXTS),
    ]
)


@dataclass(frozen=True)
class Run:
    """One training run as the catalog knows it; times are seconds since the epoch, for display only.

    A run on a mixture names that, and its dataset and template are empty; any other has no mixture.
    """

    id: str
    name: str
    status: Status
    model: str
    dataset: str
    template: str
    method: str
    settings: dict[str, Any]
    identity: Identity | None
    step: int
    total_steps: int
    adapter: str | None
    error: str | None
    hint: str | None
    created: float
    started: float | None
    ended: float | None
    heartbeat: float | None
    request: str | None
    lineage: dict[str, Any]
    mixture: str | None = None
    priority: int = 0
    """Of queued runs the one of the highest starts first, then the oldest."""
    devices: tuple[int, ...] = ()
    """The GPUs that it was given, by their index."""
    plan: dict[str, Any] = field(default_factory=dict)
    """What it was predicted to take, and what it took; bytes."""
    attempts: int = 0
    """How often a trainer was started for it."""
    sweep: str | None = None
    """The sweep that it belongs to."""

    @property
    def tasks(self) -> builtins.list[dict[str, Any]]:
        """What the lineage says of dataset and template: one pair, or one for each task of a mixture."""
        lineage = self.lineage
        return lineage["tasks"] if self.mixture else [{key: lineage[key] for key in ("dataset", "template")}]

    @property
    def example_data(self) -> tuple[str, str]:
        """The names of its dataset and its template; of a mixture those of the first task."""
        if not self.mixture:
            return self.dataset, self.template
        first = self.tasks[0]
        return first["dataset"]["name"], first["template"]["name"]

    @cached_property
    def words(self) -> str:
        """What a pattern is looked for in: id, names, status and method, one a line.

        Made once: a list of ten thousand is looked through at each key.
        """
        data = [self.mixture or "", self.dataset, self.template]
        return "\n".join([self.id, self.name, self.status, self.method, self.model, *data, self.sweep or ""])

    @property
    def pid(self) -> int | None:
        """The worker's process id, when one has said who it is."""
        return self.identity.pid if self.identity else None

    @property
    def live(self) -> bool:
        """A worker should be alive for it."""
        return self.status in LIVE

    @property
    def at_rest(self) -> bool:
        """No worker works on it and none will, unless somebody resumes it."""
        return self.over or self.status == "paused"

    @property
    def over(self) -> bool:
        """It has ended, well or badly; a paused one has not."""
        return self.status in ENDED


_FIELDS = frozenset(each.name for each in fields(Run))


class Runs:
    """The runs of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def create(
        self,
        *,
        name: str,
        model: str,
        method: str,
        settings: dict[str, Any],
        lineage: dict[str, Any],
        dataset: str = "",
        template: str = "",
        split: str | None = None,
        mixture: str | None = None,
        priority: int = 0,
        plan: dict[str, Any] | None = None,
        sweep: str | None = None,
    ) -> Run:
        """Enter a queued run, with its folder and its `run.toml`, from which it can be started again.

        Args:
            split: the dataset's split, where it is not the usual one.
            mixture: what it is trained on, in the place of a dataset and a template.
            priority: a run of a higher one starts first.
            plan: what it is predicted to take.
            sweep: the sweep that it belongs to.
        Raises:
            BadInput: the name is invalid, or looks like a run's id.
        """
        if re.fullmatch(r"r\d+", check_name(name)):
            raise BadInput(f"{name!r} looks like a run's id", "choose another --name")
        data = {"mixture": mixture} if mixture else {"dataset": dataset, "template": template}
        described = {"name": name, "model": model, **data, "method": method}
        row: dict[str, Any] = {"dataset": dataset, "template": template, **described, "status": "queued"}
        row |= {"settings": _json(settings), "lineage": _json(lineage), "created": time.time()}
        row |= {"priority": priority, "plan": _json(plan or {}), "sweep": sweep}
        with write(self._db):
            number = self._db.table("runs").insert(row).last_pk
            folder = private_folder(inside(self._root, "runs", f"r{number}"))
            chosen = {"split": split} if split else {}
            _write_description(folder, {**described, **chosen}, settings)
        return self.get(f"r{number}")

    def get(self, id_or_name: str) -> Run:
        """Return a run by its id, or the newest one of that name.

        Raises:
            NotFound: there is none.
        """
        number = _number(id_or_name)
        where, value = ("id = ?", number) if number is not None else ("name = ?", id_or_name)
        where = f"{where} and {_KEPT}"
        for run in records_of(self._db.table("runs").rows_where(where, [value], order_by="id desc")):
            return run
        raise self._missing(number, id_or_name)

    def find(self, id: str) -> Run | None:
        """Return the run of an id that was noted earlier; None where it has gone since."""
        try:
            return self.get(id)
        except NotFound:
            return None

    def list(
        self,
        status: Status | None = None,
        *,
        sweep: str | None = None,
        model: str | None = None,
        method: str | None = None,
        limit: int | None = None,
    ) -> builtins.list[Run]:
        """Return the runs, newest first: all, or at most so many, or those of one status, sweep and so on."""
        wanted = {"status": status, "sweep": sweep, "model": model, "method": method}
        chosen = {column: value for column, value in wanted.items() if value is not None}
        where = " and ".join([_KEPT, *(f"{column} = ?" for column in chosen)])
        found = self._db.table("runs").rows_where(where, [*chosen.values()], order_by="id desc")
        return [*itertools.islice(records_of(found), limit)]

    def left_out(self) -> StoreError | None:
        """Tell of the rows that are no run's, and are in no list; None where there are none."""
        suspects = self._db.table("runs").rows_where(f"({_SUSPECT}) and {_KEPT}", order_by="id desc")
        ids = [row["id"] for row in suspects if next(records_of([row]), None) is None]
        return strange("run", [f"r{id}" for id in ids]) if ids else None

    def sweeps(self) -> builtins.list[str]:
        """Return the names of the sweeps that the runs belong to, the newest first."""
        found = f"""select sweep from runs where sweep is not null and {_KEPT}
                    group by sweep order by max(id) desc"""  # noqa: S608 (our own clause)
        return [name for (name,) in self._db.execute(found)]

    def has_sweep(self, name: str) -> bool:
        """Tell whether runs belong to a sweep of that name; those in the trash may come back to it."""
        return bool(self._db.table("runs").count_where("sweep = ?", [name]))

    def folder(self, run: Run) -> Path:
        """Return a run's folder, where its worker's current directory is."""
        return inside(self._root, "runs", run.id)

    def log_path(self, run: Run) -> Path:
        """Return the file that the worker's output goes to."""
        return self.folder(run) / LOG

    def claim(self, id: str, nonce: str, devices: Iterable[int] = ()) -> Run | None:
        """Take a queued run to start it; None when someone else has taken or cancelled it.

        Args:
            nonce: what the worker's arguments will hold.
            devices: the indexes of the GPUs that it may use.
        """
        with write(self._db):
            taken = self._db.execute(
                """update runs set status = 'starting', nonce = ?, started = coalesce(started, ?),
                       devices = ?, attempts = attempts + 1, identity = null, ended = null,
                       plan = json_remove(plan, '$.waits_for')
                   where id = ? and status = 'queued'""",
                [nonce, time.time(), _json(list(devices)), _number(self.get(id).id)],
            ).rowcount
        return self.get(id) if taken else None

    def identify(self, id: str, identity: Identity) -> None:
        """Record which process works on a run.

        Raises:
            Conflict: the run was claimed with another nonce, or is not live.
        """
        with write(self._db):
            run = self.get(id)
            nonce = self._db.execute("select nonce from runs where id = ?", [_number(run.id)]).fetchone()[0]
            if not run.live or nonce != identity.nonce:
                raise Conflict(
                    f"run {run.id} ({run.status}) is not this process's to work on", "start a new run"
                )
            self._set(run, identity=_json(asdict(identity)), heartbeat=time.time())

    def begin(self, id: str, total_steps: int, step: int = 0) -> Run:
        """Move a starting run to running.

        Args:
            total_steps: optimizer steps that it will take in all.
            step: the step of the checkpoint that it goes on from.
        """
        return self._move(id, "running", total_steps=total_steps, step=step, heartbeat=time.time())

    def progress(self, id: str, step: int, *, durable: bool = False) -> None:
        """Record the step just finished, and that the worker lives.

        Args:
            step: the step.
            durable: wait until this, and every metric point before it, survives a power cut.
        Raises:
            Conflict: the run is not running any more.
        """
        with write(self._db, durable=durable):
            counted = self._db.execute(
                "update runs set step = ?, heartbeat = ? where id = ? and status = 'running'",
                [step, time.time(), _number(id)],
            ).rowcount
            if not counted:
                run = self.get(id)
                raise Conflict(f"run {run.id} is {run.status}, not running", "end this worker")

    def heartbeat(self, id: str) -> None:
        """Record that the worker lives while no step is finished, as during loading or evaluation."""
        with write(self._db, durable=False):
            run = self.get(id)
            if run.live:
                self._set(run, heartbeat=time.time())

    def complete(self, id: str, adapter: str) -> Run:
        """End a run that has published its adapter."""
        return self._move(id, "completed", adapter=adapter, request=None)

    def fail(self, id: str, error: str, hint: str) -> Run:
        """End a run by an error, with what to do about it."""
        return self._move(id, "failed", error=error, hint=hint, request=None)

    def cancelled(self, id: str) -> Run:
        """End a run that has obeyed a request to cancel."""
        return self._move(id, "cancelled", request=None)

    def interrupt(self, id: str, error: str, hint: str | None = None) -> Run:
        """End a run whose process has vanished."""
        return self._move(id, "interrupted", error=error, hint=hint)

    def paused(self, id: str) -> Run:
        """Set a run aside that has obeyed a request to pause; its checkpoint waits for `resume`."""
        return self._move(id, "paused", request=None)

    def resume(self, id: str) -> Run:
        """Queue a run again, to go on from its newest checkpoint, or from its start where it has none.

        Raises:
            Conflict: it is not one that stopped before its end.
        """
        run = self.get(id)
        if run.status not in RESUMABLE:
            way = "start it anew with `workbench run retry`" if run.over else "it needs no resuming"
            raise Conflict(f"run {run.id} is {run.status}", way)
        return self._move(run.id, "queued", request=None, error=None, hint=None, ended=None)

    def request(self, id: str, request: Request) -> Run:
        """Ask a run's worker for something; a run that has none obeys at once.

        Raises:
            Conflict: the run has ended, or is paused already.
        """
        with write(self._db):
            run = self.get(id)
            if run.status == "queued" or (run.status == "paused" and request == "cancel"):
                return self._move(run.id, "cancelled" if request == "cancel" else "paused")
            if not run.live:
                raise Conflict(f"run {run.id} is {run.status} already", f"nothing is left to {request}")
            self._set(run, request=request)
        return self.get(run.id)

    def prioritise(self, id: str, priority: int) -> Run:
        """Let a run start before all queued ones of a lower priority.

        Raises:
            Conflict: it waits for nothing, and will not unless it is started anew.
        """
        with write(self._db):
            run = self.get(id)
            if run.status not in IDLE:
                raise Conflict(
                    f"run {run.id} is {run.status}", "only a run that waits has a place in a queue"
                )
            self._set(run, priority=priority)
        return self.get(run.id)

    def change(
        self,
        id: str,
        settings: dict[str, Any],
        step: int | None = None,
        *,
        plan: dict[str, Any] | None = None,
    ) -> Run:
        """Give a run that no worker works on other settings; its lineage tells from which step on.

        Args:
            settings: all of them, as `create` took them.
            step: the step that it will go on from, the one that it has reached when left out.
            plan: what it is predicted to take now, in the place of all that was predicted and measured
                before; left out, that still holds.
        Raises:
            Conflict: a worker works on it, or it is completed or cancelled.
        """
        with write(self._db):
            run = self.get(id)
            if run.status not in IDLE:
                raise Conflict(f"run {run.id} is {run.status}", "pause it first: workbench run pause")
            # As they are kept: a list of modules is no change from a tuple of them.
            changed = {
                key: [run.settings.get(key), value]
                for key, value in json.loads(_json(settings)).items()
                if value != run.settings.get(key)
            }
            told = {"step": run.step if step is None else step, "settings": changed}
            lineage = {**run.lineage, "changes": [*run.lineage.get("changes", []), told]}
            figures = {} if plan is None else {"plan": _json(plan)}
            self._set(run, settings=_json(settings), lineage=_json(lineage), **figures)
            folder = self.folder(run)
            described = tomllib.loads((folder / "run.toml").read_text(encoding="utf-8"))
            _write_description(folder, described, settings)
        return self.get(run.id)

    def planned(self, id: str, **figures: Any) -> None:
        """Add to what is known of a run's size: predicted and measured bytes and times."""
        with write(self._db):
            run = self.get(id)
            self._set(run, plan=_json({**run.plan, **figures}))

    def decline(self, id: str, request: Request) -> None:
        """Take back a request that the worker cannot obey; another one that came meanwhile stays."""
        with write(self._db):
            self._db.execute(
                "update runs set request = null where id = ? and request = ?", [_number(id), request]
            )

    def requested(self, id: str) -> str | None:
        """Return what has been asked of a run and not been answered yet."""
        found = self._db.execute("select request from runs where id = ?", [_number(id)]).fetchone()
        return found[0] if found else None

    def remove(self, *ids: str) -> builtins.list[Run]:
        """Put runs into the trash, as one entry; the adapters that they published stay.

        Args:
            ids: ids or names; each is that of the newest run of that name.
        Returns:
            The runs as they were.
        Raises:
            NotFound: there is no such run.
            Conflict: one of them waits for its turn, or is at work.
        """
        wanted = {run.id: self.folder(run) for run in map(self.get, ids)}
        held = sum(folder_bytes(folder) for folder in wanted.values())  # before the lock is taken
        with write(self._db):
            found = [self.get(id) for id in wanted]
            _check_at_rest(found)
            if found:
                number = bury(self._db, self._root, RUNS, _called(found), {}, None, held=held)
                hide(self._db, number, [int(run.id[1:]) for run in found])
        # They are gone by now; a folder that cannot be moved at once is moved when the trash is used next.
        with contextlib.suppress(Unavailable, OSError), write(self._db):
            recover(self._root, self._db)
        return found

    def _missing(self, number: int | None, wanted: str) -> StoreError:
        entry = entry_of(self._db, number, wanted)
        if entry is not None:
            return NotFound(
                f"run {wanted!r} is in the trash", f"take it back: workbench trash restore {entry}"
            )
        known = self._db.table("runs").rows_where(_KEPT, order_by="id desc", limit=100, select="name")
        return not_found("run", wanted, dict.fromkeys(row["name"] for row in known))

    def _move(self, id: str, status: Status, **values: Any) -> Run:
        with write(self._db):
            run = self.get(id)
            check_move(run.id, run.status, status)
            if status in ENDED:
                values["ended"] = time.time()
            self._set(run, status=status, **values)
        return self.get(run.id)

    def _set(self, run: Run, **values: Any) -> None:
        self._db.table("runs").update(int(run.id[1:]), values)


def _number(id: str) -> int | None:
    match = re.fullmatch(r"r([1-9]\d{0,17})", id)
    return int(match[1]) if match else None


def _check_at_rest(runs: Iterable[Run]) -> None:
    """Refuse to take away runs on which somebody works, or will."""
    busy = [run for run in runs if not run.at_rest]
    if busy:
        raise Conflict(
            f"{', '.join(f'run {run.id} is {run.status}' for run in busy)}",
            f"cancel first: workbench run cancel {busy[0].id}",
        )


def _called(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return f"{runs[0].id} ({runs[0].name})"
    more = len(runs) - _SHOWN_IDS
    shown = [run.id for run in (runs if more <= 1 else runs[:_SHOWN_IDS])]
    return ", ".join(shown) + (f" and {more} more" if more > 1 else "")


def _write_description(folder: Path, described: dict[str, Any], settings: dict[str, Any]) -> None:
    present = {key: value for key, value in settings.items() if value is not None}
    write_atomic(folder / "run.toml", tomli_w.dumps({**described, "settings": present}))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def records_of(rows: Iterable[dict[str, Any]]) -> Iterator[Run]:
    """Make records of rows of the catalog's table, one by one; a row that is no run's is passed over."""
    for row in rows:
        try:
            run = _record(row)
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        yield run


def _record(row: dict[str, Any]) -> Run:
    """Make the record of a row; columns that it does not know are left out.

    Raises:
        ValueError, TypeError, KeyError, RecursionError: another program or a hand has written it.
    """
    texts = [row[key] for key in _TEXTS] + [row[key] for key in _OPTIONAL_TEXTS if row[key] is not None]
    sound = row["id"] > 0 and row["status"] in STATUSES and all(isinstance(text, str) for text in texts)
    numbers = [row[key] for key in _NUMBERS] + [row[key] for key in _TIMES if row[key] is not None]
    if not sound or not all(isinstance(number, (int, float)) for number in numbers):
        raise ValueError(row["id"])
    values = {key: value for key, value in row.items() if key in _FIELDS}
    identity = json.loads(row["identity"]) if row["identity"] else None
    values |= {
        "id": f"r{row['id']}",
        "settings": json.loads(row["settings"]),
        "lineage": json.loads(row["lineage"]),
        "identity": Identity(**identity) if identity else None,
        "devices": tuple(json.loads(row["devices"])),
        "plan": json.loads(row["plan"]),
    }
    if not all(isinstance(values[key], dict) for key in _JSON):
        raise ValueError(row["id"])
    return Run(**values)
