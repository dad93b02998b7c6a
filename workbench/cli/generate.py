"""`workbench generate`: one prompt, answered by the base and its adapters from one loaded model."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from store.errors import BadInput, Unavailable
from workbench.cli import figures
from workbench.cli.output import cell, colour, note, print_piece
from workbench.cli.session import Session, json_option, pass_session
from workbench.client import Event, Note, Output, Restart, generate
from workbench.link import REQUEST_BYTES, Sampling
from workbench.text import clean, visible


@click.command()
@click.option("--model", required=True, metavar="M", help="The base model.")
@click.option("--adapter", "names", multiple=True, metavar="A", help="An adapter; may be repeated.")
@click.option("--base", is_flag=True, help="Answer with the bare base too, before the adapters.")
@click.option("--prompt", metavar="TEXT", help="The prompt, as the model is shown it.")
@click.option(
    "--file", type=click.Path(path_type=Path, allow_dash=True), help="Read the prompt from a file, or - ."
)
@click.option("--max-new-tokens", default=Sampling.max_new_tokens, show_default=True, metavar="N", type=int)
@click.option(
    "--temperature",
    default=Sampling.temperature,
    show_default=True,
    metavar="T",
    type=float,
    help="0 is greedy.",
)
@click.option("--seed", default=Sampling.seed, show_default=True, metavar="S", type=int)
@json_option
@pass_session
def command(
    session: Session,
    model: str,
    names: tuple[str, ...],
    base: bool,
    prompt: str | None,
    file: Path | None,
    max_new_tokens: int,
    temperature: float,
    seed: int,
) -> None:
    """Answer a prompt with the base and its adapters, from one loaded model."""
    sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    text = read_prompt(prompt, file)
    speakers = chosen_adapters(names, base)
    aloud = not session.as_json and len(speakers) == 1
    outputs = generate(session.root(), model, speakers, text, sampling, Speaker(aloud=aloud).hear)
    if aloud:
        print_piece("\n")
        note(colour(_measure(outputs[0]), "quiet"))
    else:
        document = {"prompt": text, "outputs": outputs}
        session.show(document, "\n\n".join(_output_text(output) for output in outputs))


def chosen_adapters(names: tuple[str, ...], base: bool) -> list[str | None]:
    """List who answers: the base first where it is asked for or alone, then the adapters."""
    return [*([None] if base or not names else []), *dict.fromkeys(names)]


def read_prompt(prompt: str | None, file: Path | None) -> str:
    """Take the prompt from the command line or from a file.

    Raises:
        click.UsageError: Both or neither were given.
        BadInput: The file cannot be read or is no text.
    """
    if (prompt is None) == (file is None):
        raise click.UsageError("give either --prompt or --file", click.get_current_context())
    if file is None:
        return prompt or ""
    try:
        raw = sys.stdin.buffer.read(REQUEST_BYTES + 1) if str(file) == "-" else _head(file)
        text = raw.decode("utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror})", "name a text file") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8 text (byte {error.start})", "save it as UTF-8") from error
    if len(raw) > REQUEST_BYTES:
        raise BadInput(f"{file} is longer than {REQUEST_BYTES:,} bytes", "give a shorter prompt")
    return text


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(REQUEST_BYTES + 1)


class Speaker:
    """Prints one answer as it is spoken; what is printed cannot be taken back."""

    def __init__(self, *, aloud: bool) -> None:
        self._aloud = aloud
        self._spoken = False

    def hear(self, event: Event) -> None:
        """Take what the client tells.

        Raises:
            Unavailable: The server was lost when half an answer had been printed.
        """
        if isinstance(event, Note):
            note(clean(event.text))
        elif isinstance(event, Restart):
            if self._spoken:
                print_piece("\n")
                raise Unavailable(f"the model server ended while it was asked ({event.why})", "ask again")
            note("the model server ended, starting it again")
        elif self._aloud:
            self._spoken = True
            print_piece(visible(event.text, keep_newlines=True))


def _measure(output: Output) -> str:
    rate = f", {output.tokens / output.seconds:.0f} tokens/s" if output.seconds > 0 else ""
    return f"{output.tokens} tokens in {figures.duration(output.seconds)}{rate}"


def _output_text(output: Output) -> str:
    title = colour(cell(output.adapter) if output.adapter else "base", "busy")
    return f"{title}  {colour(_measure(output), 'quiet')}\n{visible(output.text, keep_newlines=True)}"
