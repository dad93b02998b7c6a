"""`workbench adapter merge | export | combine | diff | push`: what is done with a trained adapter."""

from __future__ import annotations

from pathlib import Path

import click

from store.errors import BadInput
from workbench.adapters import combining, differing, exporting, merging, pushing
from workbench.adapters.differing import Comparison, Layer
from workbench.cli.output import Column, cell, note, table
from workbench.cli.progress import Line
from workbench.cli.session import Session, json_option, pass_session

_METHODS = "; ".join(f"{name}: {told}" for name, told in combining.METHODS.items())

output_option = click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR", help="A folder that is not there yet."
)
base_option = click.option(
    "--onto",
    type=click.Choice(merging.BASES),
    default="auto",
    show_default=True,
    help="Into the base's weights as they are stored, or as NF4 makes them, which is what QLoRA trained on; "
    "auto goes by the adapter's method.",
)
tolerance_option = click.option(
    "--tolerance",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help="How far scores may move, over their deviation  [default: by the base's precision, float32 0.005, "
    "float16 0.02, bfloat16 0.1].",
)
device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    help="Where to compute  [default: the first GPU, else cpu].",
)


@click.command()
@click.argument("name", metavar="N")
@output_option
@click.option("--add", metavar="NAME", help="Register the merged model in the store under this name.")
@base_option
@tolerance_option
@device_option
@json_option
@pass_session
def merge(
    session: Session,
    name: str,
    output: Path | None,
    add: str | None,
    onto: merging.Base,
    tolerance: float | None,
    device: str | None,
) -> None:
    """Merge an adapter into its base: one plain transformers model, in safetensors.

    It is checked before it appears: with rows that the adapter was trained on, the written model must give
    the scores of base and adapter within a tolerance.
    """
    how = merging.Merging(onto, tolerance, device)
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        made = merging.merge(store, name, _absolute(output), add=add, how=how, tell=line.write)
    _warn(made.warnings)
    places = [cell(place) for place in (made.path, f"model {add}" if add else None) if place]
    session.show(made, f"merged {cell(name)} into {' and '.join(places)}: {_check_text(made.check)}")


@click.command()
@click.argument("name", metavar="N")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="A folder that is not there yet.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(exporting.FORMATS)),
    default="peft",
    show_default=True,
    help="peft: the adapter with its model card; merged: as `merge`; ollama: a folder with a Modelfile; "
    "gguf: by llama.cpp's converters, in the folder that WORKBENCH_LLAMA_CPP names or on the PATH.",
)
@click.option("--adapter-only", is_flag=True, help="For ollama and gguf: the LoRA alone, beside its base.")
@base_option
@tolerance_option
@device_option
@json_option
@pass_session
def export(
    session: Session,
    name: str,
    output: Path,
    form: str,
    adapter_only: bool,
    onto: merging.Base,
    tolerance: float | None,
    device: str | None,
) -> None:
    """Write an adapter for other programs: PEFT, transformers, Ollama or llama.cpp."""
    wish = exporting.Wish(form, adapter_only, merging.Merging(onto, tolerance, device))
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        made = exporting.export(store, name, output.absolute(), wish, tell=line.write)
    _warn(made.warnings)
    checked = f": {_check_text(made.check)}" if made.check else ""
    session.show(made, f"exported {cell(name)} ({form}) to {cell(made.path)}{checked}")


@click.command(
    epilog=f"Methods: {_METHODS}.",
)
@click.argument("parts", nargs=-1, required=True, metavar="A=0.7 B=0.3...")
@click.option("--name", required=True, metavar="N", help="What to call the new adapter.")
@click.option(
    "--method", default="cat", show_default=True, metavar="METHOD", help="How to combine; see below."
)
@click.option(
    "--density",
    type=float,
    metavar="X",
    help=f"The share of values that pruning methods keep  [default: {combining.DENSITY}].",
)
@click.option(
    "--rank", type=click.IntRange(1), metavar="R", help="The rank of svd methods  [default: the highest]."
)
@click.option("--seed", type=int, default=0, show_default=True, help="What dare drops at random.")
@json_option
@pass_session
def combine(
    session: Session,
    parts: tuple[str, ...],
    name: str,
    method: str,
    density: float | None,
    rank: int | None,
    seed: int,
) -> None:
    """Combine LoRA adapters of one base, weighted, into a new adapter of the store."""
    how = combining.Combination(method, density, rank, seed)
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        adapter = combining.combine(store, [_part(part) for part in parts], name, how, tell=line.write)
    session.show(adapter, f"combined {' '.join(map(cell, parts))} into {cell(name)} ({method})")


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", required=False, metavar="[B]")
@json_option
@pass_session
def diff(session: Session, first: str, second: str | None) -> None:
    """Show what adapters change, weight by weight: A against B, or A against the bare base."""
    names = [first] if second is None else [first, second]
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        found = differing.differ(store, names, tell=line.write)
    session.show(found, diff_text(found))


@click.command()
@click.argument("name", metavar="N")
@click.argument("repository", metavar="REPO")
@click.option("--private", is_flag=True, help="Make the repository private, where it is new.")
@click.option("--revision", metavar="BRANCH", help="A branch; made where it is missing.")
@click.option(
    "--format",
    "form",
    type=click.Choice(pushing.FORMATS),
    default="peft",
    show_default=True,
    help="The adapter, or the whole model with the adapter merged into it.",
)
@json_option
@pass_session
def push(
    session: Session, name: str, repository: str, private: bool, revision: str | None, form: str
) -> None:
    """Send an adapter to a repository of the Hugging Face Hub, by the token of its own login."""
    with session.open_store() as store, Line(quiet=session.as_json) as line:
        made = pushing.push(
            store, name, repository, private=private, revision=revision, format=form, tell=line.write
        )
    _warn(made.warnings)
    session.show(made, f"pushed {cell(name)} to {cell(made.url)}, commit {cell(made.commit)}")


def diff_text(found: Comparison) -> str:
    """Lay a comparison out as a table, the largest changes first, and what the configurations say."""
    order = sorted(found.layers, key=lambda layer: -max(layer.norms))
    columns = [Column("WEIGHT", lambda layer: cell(layer.weight), shrinks=True)]
    for number, name in enumerate(found.adapters):
        columns += _columns_of(number, cell(name, limit=24))
    if len(found.adapters) == 2:
        columns.append(Column("COSINE", lambda layer: _figure(layer.cosine), right=True))
    drawn = table(columns, [*order, found.total], empty="they change no weights")
    told = [
        f"{each['name']}: {' | '.join(cell(value, limit=80) for value in each['values'])}"
        for each in found.settings
    ]
    return "\n".join([drawn, "norms are Frobenius'; a share is over the weight's own norm", *told])


def _columns_of(number: int, name: str) -> list[Column]:
    def norm(layer: Layer) -> str:
        return _figure(layer.norms[number])

    def share(layer: Layer) -> str:
        told = layer.shares[number]
        return "-" if told is None else f"{100 * told:.3g} %"

    return [Column(f"|ΔW| {name}", norm, right=True), Column("SHARE", share, right=True)]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _part(text: str) -> tuple[str, float]:
    name, mark, weight = text.rpartition("=")
    try:
        return (name, float(weight)) if mark else (text, 1.0)
    except ValueError:
        raise BadInput(
            f"{text!r} has no number after '='", "write A=0.7; without '=' a weight is 1"
        ) from None


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        note(f"warning: {warning}")


def _check_text(check: dict[str, object]) -> str:
    return (
        f"scores moved by {check['difference']:.3g} of their deviation ({check['tolerance']:.3g} allowed) at "
        f"{check['positions']} positions of {check['compared']}"
    )
