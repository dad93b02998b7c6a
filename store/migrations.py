"""The catalog's schema as small steps in order: appended to, never edited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from store.db import sqlite_utils, write
from store.errors import Unavailable

if TYPE_CHECKING:
    from sqlite_utils import Database

migrations = sqlite_utils.Migrations("store")
steps: list[str] = []


def migrate(db: Database) -> None:
    """Bring the catalog to the newest schema.

    What is pending is looked at first and then, with the write lock held, again: of many processes that
    open a fresh store at once, one makes the tables and the others find them.
    """
    if migrations.pending(db):
        with write(db):
            migrations.apply(db)


def check_schema(db: Database, root: Path) -> None:
    """Refuse a catalog that a newer version has changed, or an old one that could not be migrated.

    Raises:
        Unavailable: the schema is not this version's.
    """
    applied = {migration.name for migration in migrations.applied(db)}
    if applied.difference(steps):
        raise Unavailable(
            f"the store {root} was written by a newer version", "upgrade: pip install -U finetuning-workbench"
        )
    if not applied.issuperset(steps):
        raise Unavailable(
            f"the store {root} is of an older version and cannot be written",
            "open it once where it is writable",
        )


def step(migration: Callable[[Database], None]) -> Callable[[Database], None]:
    """Append a migration; its function's name is its name for ever."""
    steps.append(migration.__name__)
    return migrations()(migration)


@step
def m001_nouns(db: Database) -> None:
    """Models, datasets, templates and adapters: what the files on disk are, by name."""
    for statement in (
        """create table models (
            name text primary key, family text not null, architecture text not null,
            parameters integer not null, bytes integer not null, dtype text not null,
            vocabulary integer not null, max_length integer, chat_template integer not null,
            source text not null, revision text, fingerprint text not null, created real not null)""",
        """create table datasets (
            name text primary key, source text not null, format text not null, columns text not null,
            splits text not null, bytes integer not null, bad_lines integer not null,
            fingerprint text not null, created real not null)""",
        """create table templates (
            name text primary key, task text not null, variants integer not null, hash text not null,
            source text not null, created real not null)""",
        """create table adapters (
            name text primary key, model text not null, model_fingerprint text not null,
            method text not null, peft_type text not null, run text, trainable integer not null,
            bytes integer not null, fingerprint text not null, created real not null)""",
    ):
        db.conn.execute(statement)


@step
def m002_runs(db: Database) -> None:
    """Runs and their metric points; a point's id is the cursor that readers follow."""
    for statement in (
        """create table runs (
            id integer primary key autoincrement, name text not null, status text not null,
            model text not null, dataset text not null, template text not null, method text not null,
            settings text not null, lineage text not null, nonce text, identity text,
            step integer not null default 0, total_steps integer not null default 0, adapter text,
            error text, hint text, created real not null, started real, ended real, heartbeat real,
            request text)""",
        "create index runs_by_status on runs (status)",
        "create index runs_by_name on runs (name)",
        "create table metric_names (id integer primary key, name text not null unique)",
        # kind tells what value cannot: SQLite stores a NaN as NULL.
        """create table points (
            id integer primary key autoincrement,
            run integer not null references runs (id) on delete cascade,
            name integer not null references metric_names (id),
            step integer not null, kind integer not null, value real not null, time real not null)""",
        "create index points_by_run on points (run, name, step)",
        "create index points_not_finite on points (run, name, step) where kind != 0",
    ):
        db.conn.execute(statement)


@step
def m003_evaluations(db: Database) -> None:
    """Evaluations, the groups that one command makes, and their rows."""
    for statement in (
        "create table evaluation_groups (id integer primary key autoincrement, created real not null)",
        """create table evaluations (
            id integer primary key autoincrement,
            group_id integer not null references evaluation_groups (id) on delete cascade,
            model text not null, adapter text, dataset text not null, split text not null,
            template text not null, status text not null, rows integer not null default 0,
            total integer not null, scores text not null, settings text not null, error text,
            created real not null)""",
        "create index evaluations_by_group on evaluations (group_id)",
        """create table evaluation_rows (
            evaluation integer not null references evaluations (id) on delete cascade,
            row_index integer not null, prompt text not null, prediction text not null,
            reference_texts text not null, source text, primary key (evaluation, row_index))""",
    ):
        db.conn.execute(statement)


@step
def m004_mixtures(db: Database) -> None:
    """Mixtures, and which of them a run is trained on; its dataset and template are then empty."""
    for statement in (
        """create table mixtures (
            name text primary key, mixing text not null, tasks integer not null, hash text not null,
            source text not null, created real not null)""",
        "alter table runs add column mixture text",
    ):
        db.conn.execute(statement)


@step
def m005_lifecycle(db: Database) -> None:
    """Runs that wait their turn, pause and go on; their checkpoints, samples and alerts."""
    for statement in (
        "alter table runs add column priority integer not null default 0",
        "alter table runs add column devices text not null default '[]'",
        "alter table runs add column plan text not null default '{}'",
        "alter table runs add column attempts integer not null default 0",
        "alter table runs add column sweep text",
        "create index runs_by_sweep on runs (sweep) where sweep is not null",
        """create table checkpoints (
            run integer not null references runs (id) on delete cascade,
            step integer not null, bytes integer not null, eval_loss real, created real not null,
            primary key (run, step))""",
        """create table samples (
            id integer primary key autoincrement,
            run integer not null references runs (id) on delete cascade,
            step integer not null, number integer not null, prompt text not null, prediction text not null,
            reference text not null, scores text not null)""",
        "create index samples_by_run on samples (run, step, number)",
        """create table alerts (
            id integer primary key autoincrement,
            run integer not null references runs (id) on delete cascade,
            step integer not null, kind text not null, message text not null, created real not null)""",
        "create index alerts_by_run on alerts (run, id)",
    ):
        db.conn.execute(statement)


@step
def m006_preferences(db: Database) -> None:
    """Votes for the better of several answers, and the prompts that were typed to get some."""
    for statement in (
        """create table votes (
            id integer primary key autoincrement, model text not null, prompt text not null,
            reference_texts text not null, candidates text not null, winner integer,
            sampling text not null, created real not null)""",
        "create table prompts (text text primary key, used real not null)",
        "create index prompts_by_use on prompts (used)",
    ):
        db.conn.execute(statement)


@step
def m007_engines(db: Database) -> None:
    """Servers elsewhere that answer for a base model."""
    db.conn.execute(
        """create table engines (
            model text primary key references models (name) on delete cascade,
            url text not null, served_name text, token_variable text)"""
    )


@step
def m008_answer_lengths(db: Database) -> None:
    """How many tokens an answer of an evaluation has, and whether the limit cut it off."""
    db.conn.execute("alter table evaluation_rows add column tokens integer")
    db.conn.execute("alter table evaluation_rows add column truncated integer")


@step
def m009_row_scores(db: Database) -> None:
    """What each answer of an evaluation scored, so that a hundred thousand of them are sorted at once."""
    for statement in (
        """create table evaluation_scores (
            evaluation integer not null, row_index integer not null,
            rouge1 real, rouge2 real, rougeL real, bleu real, words integer, reference_words integer,
            flags integer, empty real, clipping real, repetition real, loop real, scramble real,
            length real, copying real, truncated real, script real,
            primary key (evaluation, row_index),
            foreign key (evaluation, row_index) references evaluation_rows (evaluation, row_index)
                on delete cascade) without rowid""",
        # An answer given again is another one: what the earlier one scored is forgotten.
        """create trigger evaluation_rows_replaced after insert on evaluation_rows begin
            delete from evaluation_scores
            where evaluation = new.evaluation and row_index = new.row_index; end""",
    ):
        db.conn.execute(statement)


@step
def m010_scored_rows(db: Database) -> None:
    """Which rows are scored, by itself: counting them, or listing them in order, reads no scores."""
    db.conn.execute("create index evaluation_scores_by_row on evaluation_scores (evaluation)")


@step
def m011_trash(db: Database) -> None:
    """What was removed and can still be taken back; evaluations stay where they are, marked beside.

    Runs and evaluations get no more columns: a trainer of an older version that is still running reads
    whole rows, and would end at one that it does not know.
    """
    for statement in (
        """create table trash (
            id integer primary key autoincrement, noun text not null, name text not null,
            record text not null, bytes integer not null, removed real not null)""",
        """create table trashed_evaluations (
            evaluation integer primary key references evaluations (id) on delete cascade,
            trash integer not null)""",
        "create index trashed_evaluations_by_trash on trashed_evaluations (trash)",
    ):
        db.conn.execute(statement)


@step
def m012_changes(db: Database) -> None:
    """What changed is told by triggers, so that a reader of ten thousand runs reads those that changed.

    A run's `change` is higher than that of any run that changed before it, and stands beside the runs for
    the reason that `m011_trash` tells; every other table is counted.
    """
    nouns = (
        "models",
        "datasets",
        "templates",
        "mixtures",
        "adapters",
        "evaluations",
        "checkpoints",
        "engines",
    )
    for statement in (
        "create table changes (noun text primary key, number integer not null) without rowid",
        """create table run_changes (
            run integer primary key references runs (id) on delete cascade, change integer not null)""",
        "insert into run_changes select id, id from runs",
        "create index run_changes_by_change on run_changes (change)",
        """create trigger runs_came after insert on runs begin
            insert into run_changes select new.id, coalesce(max(change), 0) + 1 from run_changes;
            update changes set number = number + 1 where noun = 'runs'; end""",
        """create trigger runs_changed after update on runs begin
            update run_changes set change = (select max(change) + 1 from run_changes)
            where run = new.id; end""",
        """create trigger runs_moved after update of status on runs when new.status != old.status begin
            update changes set number = number + 1 where noun = 'runs'; end""",
        """create trigger runs_went after delete on runs begin
            update changes set number = number + 1 where noun = 'runs'; end""",
        *(
            f"""create trigger {noun}_{kind} after {kind} on {noun} begin
                update changes set number = number + 1 where noun = '{noun}'; end"""  # noqa: S608 (constants)
            for noun in nouns
            for kind in ("insert", "update", "delete")
        ),
        *(
            f"""create trigger evaluations_trash_{kind} after {kind} on trashed_evaluations begin
                update changes set number = number + 1 where noun = 'evaluations'; end"""  # noqa: S608 (constants)
            for kind in ("insert", "delete")
        ),
        "create index adapters_by_model on adapters (model)",
    ):
        db.conn.execute(statement)
    db.conn.executemany("insert into changes values (?, 0)", [(noun,) for noun in ("runs", *nouns)])


@step
def m013_trashed_runs(db: Database) -> None:
    """Runs in the trash stay where they are too, marked beside; 0 is the entry of those that are given up.

    One that goes or comes back is told as a change of the runs, and of the adapters that name it.
    """
    counted = """update changes set number = number + 1 where noun = 'runs'
        or (noun = 'adapters' and exists (select 1 from adapters where run = 'r' || {row}.run));"""
    for statement in (
        "create index adapters_by_run on adapters (run)",
        """create table trashed_runs (
            run integer primary key references runs (id) on delete cascade, trash integer not null)""",
        "create index trashed_runs_by_trash on trashed_runs (trash)",
        f"create trigger runs_hidden after insert on trashed_runs begin {counted.format(row='new')} end",
        f"""create trigger runs_shown after delete on trashed_runs begin
            update run_changes set change = (select max(change) + 1 from run_changes) where run = old.run;
            {counted.format(row="old")} end""",  # noqa: S608 (constants)
    ):
        db.conn.execute(statement)
