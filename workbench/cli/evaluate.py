"""`workbench evaluate`: a whole split answered by a base and its adapters; kept, scored and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli import evaluate_text, evaluated, score_report
from workbench.cli.generate import chosen_adapters
from workbench.cli.progress import Line
from workbench.cli.removing import show_removed
from workbench.cli.session import Session, json_option, pass_session
from workbench.evaluating import EvaluationOptions, evaluate, group_of, resume, settle
from workbench.evaluation.meters import DEFAULT_METRICS, METRICS, Choices
from workbench.evaluation.significance import SEEDS
from workbench.link import Sampling

NEEDED = ("model", "dataset", "template")


@click.group(invoke_without_command=True)
@click.option("--model", metavar="M", help="The base model.")
@click.option(
    "--adapter", "names", multiple=True, metavar="A", help="An adapter or RUN@STEP; may be repeated."
)
@click.option("--base", is_flag=True, help="Evaluate the bare base too, before the adapters.")
@click.option("--dataset", metavar="D", help="The dataset that asks.")
@click.option("--template", metavar="T", help="The template that makes prompts of its rows.")
@click.option(
    "--variant", metavar="V", help="Only this variant of it; or `all`, each alone [default: in turn]."
)
@click.option("--split", metavar="S", help="Its split [default: test, else validation].")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N rows.")
@click.option(
    "--max-new-tokens",
    default=128,
    show_default=True,
    metavar="N",
    type=int,
    help="Of an answer.",
)
@click.option(
    "--temperature",
    default=Sampling.temperature,
    show_default=True,
    metavar="T",
    type=float,
    help="0 is greedy.",
)
@click.option("--top-p", default=Sampling.top_p, show_default=True, metavar="P", type=float)
@click.option(
    "--seed",
    "seeds",
    default=(0,),
    show_default=True,
    multiple=True,
    metavar="S",
    type=int,
    help="May be repeated: mean and spread are told.",
)
@click.option("--resume", "resumed", metavar="ID", help="Go on with evaluations that were interrupted.")
@json_option
@pass_session
@click.pass_context
def command(context: click.Context, session: Session, /, resumed: str | None, **asked: Any) -> None:
    """Answer a dataset with the base and its adapters, and score the answers against its completions.

    What is answered is kept at once: after an interrupt the same command goes on with the rows that lack.
    """
    if context.invoked_subcommand is not None:
        return
    options = None if resumed else _options(context, asked)
    with Line(quiet=session.as_json) as line:

        def tell(done: int, total: int) -> None:
            line.write(f"{done:,} of {total:,} answers", now=done == total)

        try:
            if options is not None:
                made = evaluate(session.root(), options, tell)
            else:
                made = resume(session.root(), str(resumed), tell)
        except KeyboardInterrupt:
            line.say("what is answered is kept; the same command goes on from there")
            raise
    session.show(evaluate_text.document(made), evaluate_text.group(made))


def _options(context: click.Context, asked: dict[str, Any]) -> EvaluationOptions:
    missing = [f"--{name}" for name in NEEDED if asked[name] is None]
    if missing:
        raise click.UsageError(f"{', '.join(missing)} must be given", context)
    return EvaluationOptions(
        model=asked["model"],
        adapters=tuple(chosen_adapters(asked["names"], asked["base"])),
        dataset=asked["dataset"],
        template=asked["template"],
        split=asked["split"],
        limit=asked["limit"],
        variant=asked["variant"],
        seeds=asked["seeds"],
        sampling=Sampling(asked["max_new_tokens"], asked["temperature"], top_p=asked["top_p"]),
    )


@command.command("list")
@json_option
@pass_session
def list_(session: Session) -> None:
    """List all evaluations, the newest first."""
    with session.open_store() as store:
        settle(store)
        found = store.evaluations.list()
    session.show(found, evaluate_text.listed(found))


@command.command()
@click.argument("identifier", metavar="ID")
@click.option(
    "--against",
    metavar="ID|SYSTEM",
    help="An evaluation, or `base` or an adapter of ID's group: how much ID differs, how sure that is.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(METRICS),
    help="Only this; may be repeated. ROUGE and BLEU otherwise.",
)
@click.option(
    "--seed",
    "seeds",
    type=int,
    multiple=True,
    default=SEEDS,
    show_default=True,
    help="Of the resampling of --against; may be repeated.",
)
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="FILE", help="Write a report: .html, .md or .json."
)
@json_option
@pass_session
def show(
    session: Session,
    identifier: str,
    against: str | None,
    metrics: tuple[str, ...],
    seeds: tuple[int, ...],
    report: Path | None,
) -> None:
    """Show an evaluation (e3) with its scores, or a group (g2); compare it with another, write a report."""
    score_report.check(report)
    choices = Choices(metrics or DEFAULT_METRICS)
    with session.open_store() as store:
        settle(store)
        members = group_of(store, identifier)
        one = [each for each in members if each.id == identifier] or members
        if against is not None:
            with Line(quiet=session.as_json) as line:
                document, text = evaluated.compared(store, one, against, (choices, seeds), report, line)
        elif len(one) == 1:
            document, text = evaluated.scored(store, one[0], choices, report)
        else:
            evaluated.check_one(one, report)
            document, text = evaluate_text.document(one), evaluate_text.group(one)
    session.show(document, text)


@command.command()
@click.argument("identifier", metavar="ID")
@json_option
@pass_session
def remove(session: Session, identifier: str) -> None:
    """Remove an evaluation (e3) with its answers, or all of a group (g2)."""
    with session.open_store() as store:
        members = group_of(store, identifier)
        chosen = [each.id for each in members if each.id == identifier] or [each.id for each in members]
        store.evaluations.remove(*chosen)
        show_removed(session, store, "", chosen, ", ".join(chosen))
