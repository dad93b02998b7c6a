"""`workbench template render` and `check`: what a template makes of rows, and of a whole dataset."""

from __future__ import annotations

from typing import Any

import click

from store.datasets import Dataset
from store.errors import NotFound
from store.templates import Template
from workbench.cli.output import cell, colour, facts
from workbench.cli.progress import Line
from workbench.cli.session import Session, json_option, pass_session
from workbench.composing import requests
from workbench.composing.limited import SurveyProcess
from workbench.composing.shown import Preview, PreviewRequest, SurveyRequest
from workbench.runs.training import TrainingSettings
from workbench.text import clean

BAR_WIDTH = 30


@click.command("render")
@click.argument("name")
@click.option("--dataset", required=True, metavar="D", help="The dataset whose rows are rendered.")
@click.option("--model", metavar="M", help="Show as well the tokens that this base model would see.")
@click.option("--row", "index", type=click.IntRange(0), default=0, metavar="I", help="The row, from 0.")
@click.option("-n", "count", type=click.IntRange(1), metavar="K", help="Render K rows, from --row on.")
@click.option("--split", metavar="S", help="The split to read; otherwise the first.")
@click.option("--variant", metavar="V", help="A variant by name; otherwise each row has its own.")
@click.option("--max-length", type=click.IntRange(2), metavar="N", help="Most tokens of a row.")
@click.option(
    "--batch", type=click.IntRange(1), default=1, metavar="K", help="Pad the row as in a batch of K rows."
)
@json_option
@pass_session
def render_rows(
    session: Session,
    name: str,
    dataset: str,
    model: str | None,
    index: int,
    count: int | None,
    split: str | None,
    variant: str | None,
    max_length: int | None,
    batch: int,
) -> None:
    """Render rows of a dataset: the prompt, the completion and, with --model, what is trained."""
    with session.open_store() as store:
        data, template = store.datasets.get(dataset), store.templates.get(name)
        chosen = _split(data, split)
        store.datasets.row(data.name, chosen, index)  # says what is there when this row is not
        rows = range(index, min(index + (count or 1), data.splits[chosen]))
        request = PreviewRequest(
            data.name,
            chosen,
            index,
            model,
            max_length,
            TrainingSettings.seed,
            store.templates.text(name),
            _variant(template, variant),
            batch,
        )
        shown = requests.make_previews(store, request, rows)
    documents = [_document(each, with_tokens=model is not None) for each in shown]
    text = "\n\n".join(_text(each, with_tokens=model is not None) for each in shown)
    session.show(documents if count else documents[0], text)


@click.command("check")
@click.argument("name")
@click.option("--dataset", required=True, metavar="D", help="The dataset whose rows are looked through.")
@click.option("--model", required=True, metavar="M", help="The base model whose tokens count.")
@click.option("--split", metavar="S", help="The split to look through; otherwise the first.")
@click.option("--max-length", type=click.IntRange(2), metavar="N", help="Most tokens of a row.")
@json_option
@pass_session
def check_rows(
    session: Session, name: str, dataset: str, model: str, split: str | None, max_length: int | None
) -> None:
    """Look through a whole split: lengths, what is cut off, repeats, and every problem with its remedy."""
    with session.open_store() as store:
        data = store.datasets.get(dataset)
        request = SurveyRequest(
            data.name,
            _split(data, split),
            store.models.get(model).name,
            max_length,
            TrainingSettings.seed,
            store.templates.text(name),
            TrainingSettings.batch_size,
        )
        root = store.root
    figures: dict[str, Any] = {}
    with Line(quiet=session.as_json) as line:
        for figures in SurveyProcess(root, request):
            line.write(f"{figures['done']:,} of {figures['total']:,} rows")
    session.show(figures, _survey_text(figures))


def _split(dataset: Dataset, wanted: str | None) -> str:
    if wanted is not None and wanted not in dataset.splits:
        raise NotFound(f"{dataset.name} has no split {wanted!r}", f"it has {', '.join(dataset.splits)}")
    return wanted or next(iter(dataset.splits))


def _variant(template: Template, wanted: str | None) -> int | None:
    if wanted is None:
        return None
    names = [variant.name for variant in template.variants]
    if wanted not in names:
        raise NotFound(f"{template.name} has no variant {wanted!r}", f"it has {', '.join(names)}")
    return names.index(wanted)


def _document(of: Preview, *, with_tokens: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "row": of.row,
        "variant": of.variant,
        "prompt": of.prompt,
        "completion": of.completion,
        "system": of.system,
    }
    if not with_tokens:
        return document
    tokens = [
        {"id": token.id, "text": token.text, "role": token.role, "trained": token.trained}
        for token in of.tokens
        if not token.cut
    ]
    return {**document, "tokens": tokens, "truncated": of.truncated, "problems": list(of.problems)}


def _text(of: Preview, *, with_tokens: bool) -> str:
    parts = [colour(f"row {of.row}, variant {cell(of.variant)}", "busy")]
    if of.system:
        parts.append(_block("system", of.system))
    parts += [_block("prompt", of.prompt), _block("completion", of.completion)]
    if with_tokens:
        parts.append(_token_summary(of))
    return "\n".join(parts)


def _block(title: str, text: str) -> str:
    return f"{colour(f'--- {title}', 'quiet')}\n{clean(text, limit=100_000, keep_newlines=True)}"


def _token_summary(of: Preview) -> str:
    trained = [token for token in of.tokens if token.trained]
    lost = sum(token.cut for token in of.tokens)
    lines = [
        (
            "tokens",
            f"{of.length}, of which {len(trained)} are trained" + (f"; {lost} are cut off" * bool(lost)),
        ),
        ("trained text", cell("".join(token.text for token in trained), limit=400)),
        ("trained ids", " ".join(str(token.id) for token in trained)[:400]),
    ]
    lines += [("problem", cell(f"{each.message}: {each.remedy}", limit=400)) for each in of.problems]
    return f"{colour('--- tokens', 'quiet')}\n{facts(lines)}"


def _survey_text(figures: dict[str, Any]) -> str:
    rows = figures["rows"]
    lines = [
        ("rows", f"{rows:,} of {figures['total']:,} can be trained on"),
        ("tokens", f"{figures['tokens']:,}, of which {figures['trained_tokens']:,} are trained"),
        *((part, _spread(figures[part])) for part in ("prompt", "completion", "row")),
        (
            "cut off",
            f"{figures['truncated_prompts']:,} prompts, {figures['truncated_completions']:,} completions "
            f"at max_length {figures['max_length']:,}",
        ),
        ("duplicates", f"{figures['duplicates']:,}"),
        ("empty", f"{figures['empty']:,}"),
        *((f"also in {cell(split)}", f"{count:,}") for split, count in figures["overlap"].items()),
        ("padding", f"{figures['padding_share']:.1%} of a batch of {TrainingSettings.batch_size}"),
        ("packing", f"{figures['packing_efficiency']:.1%} of packed rows would be tokens"),
    ]
    lines += [_problem(kind, found) for kind, found in figures["problems"].items()] or [("problems", "none")]
    return "\n".join([facts(lines), *_histogram("prompt", figures), *_histogram("completion", figures)])


def _spread(of: dict[str, Any]) -> str:
    return f"{of['min']:,} to {of['max']:,} tokens, median {of['median']:,}, 95 % up to {of['p95']:,}"


def _problem(kind: str, found: dict[str, Any]) -> tuple[str, str]:
    told = f"{found['count']:,} rows, first row {found['first']}: {found['message']}; {found['remedy']}"
    return ("FATAL " if found["fatal"] else "") + kind, cell(told, limit=400)


def _histogram(part: str, figures: dict[str, Any]) -> list[str]:
    bars = figures[part]["histogram"]
    if not bars:
        return []
    most = max(count for _, count in bars)
    drawn = (
        f"{upper:>8,} {'#' * round(BAR_WIDTH * count / most):<{BAR_WIDTH}} {count:,}" for upper, count in bars
    )
    return [colour(f"--- tokens of a {part}, up to", "quiet"), *drawn]
