"""`workbench help`: the handbook, to read here, as Markdown files, as a manual page, or as JSON."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from store.errors import BadInput, not_found
from store.files import write_atomic
from workbench.cli import COMMANDS
from workbench.cli.naming import Words
from workbench.cli.output import cell, facts, jsonable, print_pages
from workbench.cli.pages import TOPICS, of_command, page
from workbench.cli.session import Session, json_option, pass_session
from workbench.cli.touring import draw_tour
from workbench.handbook.page import Page
from workbench.handbook.writing import as_manual, as_markdown, as_text

WIDEST = 100
PACKAGE = "finetuning-workbench"
MANUAL = ("commands", "settings", "methods", "templates", "store", "config", "keys", "terminal", "tour")
_folder = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("topic", required=False, type=Words([*TOPICS, *COMMANDS]))
@click.option("--write", "target", type=_folder, metavar="DIR", help="Write all topics there, as Markdown.")
@click.option("--man", is_flag=True, help="Print the manual page: workbench help --man > workbench.1")
@click.option(
    "--pictures",
    type=_folder,
    metavar="DIR",
    help="With tour: train the demo, where it is not yet, and save what each stop shows, as SVG in a page.",
)
@json_option
@pass_session
def command(
    session: Session, topic: str | None, target: Path | None, man: bool, pictures: Path | None
) -> None:
    """Read the handbook: a topic, or the name of a command; without one, the list of topics."""
    if pictures is not None:
        if topic != "tour":
            raise BadInput("only the tour has pictures", "workbench help tour --pictures DIR")
        saved = draw_tour(session, pictures)
        session.show({"pictures": saved}, "\n".join(map(cell, saved)))
    elif target is not None:
        written = _write(target)
        session.show({"written": written}, "\n".join(map(cell, written)))
    elif man:
        text = _manual()
        session.show({"manual": text}, text.rstrip("\n"))
    elif topic is None:
        session.show({"topics": _titles()}, _contents())
    elif session.as_json:
        session.show(_document(_found(topic)), "")
    else:
        print_pages(as_text(_found(topic), min(shutil.get_terminal_size().columns, WIDEST)))


def _titles() -> dict[str, str]:
    return {topic: title for topic, (title, _) in TOPICS.items()}


def _contents() -> str:
    of_a_command = ("COMMAND", "One command with its options, such as: workbench help run")
    return "workbench help TOPIC\n\n" + facts([*_titles().items(), of_a_command])


def _found(topic: str) -> Page:
    if topic in TOPICS:
        return page(topic)
    if topic in COMMANDS:
        return of_command(topic)
    raise not_found("topic", topic, [*TOPICS, *COMMANDS])


def _document(shown: Page) -> dict[str, Any]:
    blocks = [{"kind": type(each).__name__.lower(), **jsonable(each)} for each in shown.blocks]
    return {"topic": shown.topic, "title": shown.title, "blocks": blocks}


def _write(target: Path) -> list[Path]:
    target.mkdir(parents=True, exist_ok=True)
    index = "".join(f"- [{topic}]({topic}.md): {title}\n" for topic, title in _titles().items())
    texts = {"README": f"# Handbook of the workbench\n\n{index}"}
    texts |= {topic: as_markdown(page(topic)) for topic in TOPICS}
    for name, text in texts.items():
        write_atomic(target / f"{name}.md", text)
    return [target / f"{name}.md" for name in texts]


def _manual() -> str:
    about = metadata.metadata(PACKAGE)
    return as_manual(map(page, MANUAL), about["Version"], about["Summary"].rstrip("."))
