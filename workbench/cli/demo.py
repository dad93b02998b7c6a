"""`workbench demo`: the whole job on the starter model, in a store of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from store import Store, default_path, open_store
from store.db import CATALOG
from store.evaluations import Evaluation
from store.runs import Run
from workbench.cli import figures
from workbench.cli.evaluate_text import score_text
from workbench.cli.following import POLL_SECONDS, failure, follow
from workbench.cli.output import Column, cell, facts, note, table
from workbench.cli.progress import Line
from workbench.cli.screens import draw_screens, open_screens
from workbench.cli.session import Session, json_option, pass_session
from workbench.evaluating import EvaluationOptions, evaluate
from workbench.runs.launch import submit
from workbench.runs.options import make_options
from workbench.starter import DEMO_SETTINGS, Starter, install

METRICS = ("rouge1", "rouge2", "rougeL", "bleu")
SPLIT = "test"
RUN_NAME = "demo"


@click.command()
@click.option("--headless", is_flag=True, help="No screens: progress on stderr, and a table at the end.")
@click.option("--seconds", type=click.IntRange(1), metavar="N", help="Stop training after N seconds.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE.svg",
    help="Train, save what the screens show past half of the run, and leave.",
)
@json_option
@pass_session
def command(session: Session, headless: bool, seconds: int | None, picture: Path | None) -> None:
    """Train a small adapter, compare it with its base and score both; a minute or two on two CPU cores.

    In a terminal it opens the screens with the run already going.
    """
    root = demo_store(session)
    headless = headless or session.as_json or picture is not None
    on_screens = not headless and sys.stdin.isatty() and sys.stderr.isatty()
    if not session.as_json and not (root / CATALOG).exists():
        note(f"the demo's model, data and templates are put into {cell(root)} …")
    with open_store(root) as store:
        starter = install(store)
        run = _going(store) if on_screens else None
        run = run or submit(store, _options(starter, seconds))
        if picture is not None:
            _draw(session, store, run, picture)
        elif not on_screens:
            _report(session, store, starter, run)
    if on_screens:
        open_screens(root, session.ui, demo=True, fresh=True)
    if not session.as_json:
        note(f"the demo's store stays; open it again with: workbench --store {cell(root)}")
        note("the same on your own model and data: workbench help tour, at its end")


def demo_store(session: Session) -> Path:
    """Name the store of the demo: the one that `--store` names, else its own."""
    return Path(session.store_option) if session.store_option else demo_root()


def completed_run(store: Store, *, quiet: bool) -> Run:
    """Give a completed run of the demo; where there is none yet, train one and wait.

    Raises:
        StoreError: The run failed.
    """
    starter = install(store)
    done = (run for run in store.runs.list("completed") if run.name == RUN_NAME)
    run = next(done, None) or follow(store, submit(store, _options(starter, None)).id, quiet=quiet)
    error = failure(run)
    if error is not None:
        raise error
    return run


def demo_root() -> Path:
    """Name the demo's own store: beside the usual one, so that nothing of the user's is touched."""
    usual = default_path()
    return usual.with_name(f"{usual.name}-demo")


def _options(starter: Starter, seconds: int | None) -> Any:
    limit = {} if seconds is None else {"max_seconds": seconds}
    named = {"model": starter.model, "dataset": starter.dataset, "template": starter.template}
    return make_options({**named, "name": RUN_NAME, "settings": {**DEMO_SETTINGS, **limit}})


def _going(store: Store) -> Run | None:
    """Find a demo run that is still under way: opening the screens again must not queue another one."""
    return next((run for run in store.runs.list() if run.name == RUN_NAME and not run.at_rest), None)


def _draw(session: Session, store: Store, run: Run, picture: Path) -> None:
    """Wait until there is a loss to see, and save the screens as they are then."""
    while not run.at_rest and run.step <= run.total_steps // 2:
        time.sleep(POLL_SECONDS)
        run = store.runs.get(run.id)
    draw_screens(store.root, picture)
    session.show({"picture": str(picture), "run": run.id}, f"saved {cell(picture)}")


def _report(session: Session, store: Store, starter: Starter, run: Run) -> None:
    quiet = session.as_json
    run = follow(store, run.id, quiet=quiet)
    error = failure(run)
    if error is not None:
        raise error
    with Line(quiet=quiet) as line:
        wanted = EvaluationOptions(
            starter.model, (None, run.adapter), starter.dataset, starter.template, SPLIT
        )
        base, adapter = evaluate(
            store.root,
            wanted,
            on_progress=lambda done, total: line.write(f"{done} of {total} answers", now=done == total),
        )
    document = _document(store, run, base, adapter)
    session.show(document, _text(document))


def _document(store: Store, run: Run, base: Evaluation, adapter: Evaluation) -> dict[str, Any]:
    trainable = store.adapters.get(adapter.adapter or "").trainable
    return {
        "run": run.id,
        "base": {name: base.scores[name] for name in METRICS},
        "adapter": {name: adapter.scores[name] for name in METRICS},
        "seconds": (run.ended or 0.0) - (run.started or 0.0),
        "trainable": trainable,
        "total": store.models.get(run.model).parameters + trainable,
        "rows": base.rows,
        "name": run.adapter,
    }


def _text(document: dict[str, Any]) -> str:
    columns = (
        Column("ANSWERED BY", lambda who: cell(document["name"]) if who == "adapter" else who),
        *(Column(name.upper(), _writer(document, name), right=True) for name in METRICS),
    )
    share = document["trainable"] / document["total"]
    below = facts(
        [
            ("rows", f"{document['rows']} of the {SPLIT} split"),
            ("training", figures.duration(document["seconds"])),
            ("trainable", f"{document['trainable']:,} of {document['total']:,} parameters ({share:.1%})"),
        ]
    )
    return f"{table(columns, ('base', 'adapter'), empty='')}\n\n{below}"


def _writer(document: dict[str, Any], name: str) -> Any:
    return lambda who: score_text(name, document[who][name])
