"""`workbench template`: instruction templates, and what they make of a dataset's rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from store import Store
from store.datasets import Dataset
from store.templates import Template
from workbench.cli.output import Column, cell, colour, facts, table
from workbench.cli.session import Session, json_option, pass_session
from workbench.composing.checks import problems
from workbench.composing.codec import load_codec
from workbench.composing.masking import Codec, Tokens, mask
from workbench.composing.template import Example, check, choose, render
from workbench.runs.options import TrainingSettings
from workbench.text import clean

COLUMNS = (
    Column("NAME", lambda template: cell(template.name)),
    Column("TASK", lambda template: cell(template.task), shrinks=True),
    Column("VARIANTS", lambda template: str(len(template.variants)), right=True),
    Column("HASH", lambda template: template.hash[:12]),
)


@click.group()
def command() -> None: ...


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="N", help="Its name in the store; otherwise the one in the file.")
@json_option
@pass_session
def add(session: Session, file: Path, name: str | None) -> None:
    """Bring in a template: a TOML file with a name, a task and variants in Jinja2."""
    with session.open_store() as store:
        template = store.templates.add(file, name=name)
    variants = f"{len(template.variants)} variant" + "s" * (len(template.variants) != 1)
    session.show(_document(template), f"added template {cell(template.name)}: {variants}")


@command.command("list")
@json_option
@pass_session
def list_templates(session: Session) -> None:
    """List the templates."""
    with session.open_store() as store:
        templates = store.templates.list()
    empty = "no templates yet: workbench template add FILE.toml"
    session.show([_document(template) for template in templates], table(COLUMNS, templates, empty=empty))


@command.command()
@click.argument("name")
@json_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show a template: its TOML file as it stands."""
    with session.open_store() as store:
        template, text = store.templates.get(name), store.templates.text(name)
        document = {**_document(template), "path": store.templates.path(name), "text": text}
    session.show(document, clean(text, limit=len(text) * 8, keep_newlines=True).rstrip("\n"))


@command.command("render")
@click.argument("name")
@click.option("--dataset", required=True, metavar="D", help="The dataset whose rows are rendered.")
@click.option("--model", metavar="M", help="Show as well the tokens that this base model would see.")
@click.option("--row", "index", type=click.IntRange(0), default=0, metavar="I", help="The row, from 0.")
@click.option("-n", "count", type=click.IntRange(1), metavar="K", help="Render K rows, from --row on.")
@click.option("--split", metavar="S", help="The split to read; otherwise the first.")
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
) -> None:
    """Render rows of a dataset: the prompt, the completion and, with --model, what is trained."""
    with session.open_store() as store:
        template, data = store.templates.get(name), store.datasets.get(dataset)
        check(template, data.columns)
        preview = _preview(store, model)
        rows = _rows(store, data, split, index, count)
    rendered = [_render(template, row, index + offset, preview) for offset, row in enumerate(rows)]
    session.show(rendered if count else rendered[0], "\n\n".join(map(_rendered_text, rendered)))


@command.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove a template and its file from the store."""
    with session.open_store() as store:
        store.templates.remove(name)
    session.show({"removed": name}, f"removed template {cell(name)}")


def _document(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "task": template.task,
        "system": template.system,
        "hash": template.hash,
        "variants": list(template.variants),
    }


@dataclass(frozen=True)
class _Preview:
    """How a model would cut a row into tokens."""

    codec: Codec
    max_length: int


def _preview(store: Store, model: str | None) -> _Preview | None:
    if model is None:
        return None
    record = store.models.get(model)
    longest = TrainingSettings.max_length
    return _Preview(load_codec(record.path, record.family), min(longest, record.max_length or longest))


def _rows(
    store: Store, dataset: Dataset, split: str | None, index: int, count: int | None
) -> list[dict[str, Any]]:
    chosen = split or next(iter(dataset.splits))
    if count is None:
        return [store.datasets.row(dataset.name, chosen, index)]
    return list(store.datasets.rows(dataset.name, chosen, index, count))


def _render(template: Template, row: dict[str, Any], index: int, preview: _Preview | None) -> dict[str, Any]:
    example = render(choose(template, index, TrainingSettings.seed), row)
    document = {
        "row": index,
        "variant": example.variant,
        "prompt": example.prompt,
        "completion": example.completion,
    }
    return document if preview is None else {**document, **_token_document(example, preview)}


def _token_document(example: Example, preview: _Preview) -> dict[str, Any]:
    tokens = mask(example, preview.codec, preview.max_length)
    return {
        "tokens": _token_rows(tokens),
        "truncated": bool(tokens.truncated_prompt or tokens.truncated_completion),
        "problems": problems(tokens, preview.codec),
    }


def _token_rows(tokens: Tokens) -> list[dict[str, Any]]:
    roles = [span.kind for span in tokens.spans for _ in range(span.start, span.end)]
    return [
        {"id": token, "role": role, "trained": trained}
        for token, role, trained in zip(tokens.ids, roles, tokens.trained, strict=True)
    ]


def _rendered_text(document: dict[str, Any]) -> str:
    title = colour(f"row {document['row']}, variant {cell(document['variant'])}", "busy")
    parts = [title, _block("prompt", document["prompt"]), _block("completion", document["completion"])]
    if "tokens" in document:
        parts.append(_token_summary(document))
    return "\n".join(parts)


def _block(title: str, text: str) -> str:
    return f"{colour(f'--- {title}', 'quiet')}\n{clean(text, limit=100_000, keep_newlines=True)}"


def _token_summary(document: dict[str, Any]) -> str:
    tokens = document["tokens"]
    trained = sum(token["trained"] for token in tokens)
    lines = [("tokens", f"{len(tokens)}, of which {trained} are trained")]
    lines += [("trained ids", " ".join(str(token["id"]) for token in tokens if token["trained"])[:400])]
    lines += [("problem", cell(f"{each.message}: {each.remedy}")) for each in document["problems"]]
    return f"{colour('--- tokens', 'quiet')}\n{facts(lines)}"
