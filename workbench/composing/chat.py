"""A model's own chat template: rendered sandboxed, as transformers renders it, and cut where learning begins.

The template comes with the model's folder, from anybody; it reaches nothing and is bounded like our own.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import Undefined, nodes
from jinja2.ext import Extension, LoopControlExtension
from jinja2.filters import FILTERS
from jinja2.parser import Parser

from store.errors import BadInput
from store.templates import Loss
from workbench.composing.conversation import Turn
from workbench.composing.sandbox import (
    FAULTS,
    IMPORTING,
    LimitError,
    Sandbox,
    budget,
    charged,
    guard,
    output,
    plain_text,
)

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
_MARK = "\N{INVISIBLE SEPARATOR}here\N{INVISIBLE SEPARATOR}"
"""Stands for a text whose place is looked for: nothing that a template writes by itself."""
FILE = "chat_template.jinja"

_FAULTS: tuple[type[Exception], ...] = (*FAULTS, SyntaxError)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text: whether the model learns to write it, and whether EOS is to follow."""

    text: str
    learned: bool
    closed: bool = False


class ChatTemplate:
    """A chat template that renders.

    Args:
        source: Its Jinja2.
        values: The special tokens that it may name: `bos_token`, `eos_token` and the like.

    Raises:
        BadInput: It does not parse, or does what no chat template needs.
    """

    def __init__(self, source: str, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        try:
            if len(source) > MAX_BYTES:
                raise LimitError(f"it has more than {MAX_BYTES:,} characters")
            tree = _environment().parse(source)
            guard(tree, refused=IMPORTING, most_nodes=MAX_NODES)
            self._program = _environment().from_string(tree)
        except _FAULTS as error:
            raise BadInput(
                f"the model's chat template cannot be used: {error}", "mend it, or remove it from the model"
            ) from error
        self._takes_system = self._renders([Turn("system", _MARK), Turn("user", "a")])

    def render(self, turns: Sequence[Turn], *, asks: bool = False) -> str:
        """Write a conversation as the model was taught to read it.

        Args:
            turns: In order. A system text goes to the first user's turn if the template knows no such turn.
            asks: Whether the opening of the assistant's next turn follows.

        Raises:
            BadInput: The template refuses the conversation, such as two turns of one speaker in a row.
        """
        spoken = turns if self._takes_system else _without_system(turns)
        messages = [{"role": turn.role, "content": turn.content} for turn in spoken]
        try:
            with budget():
                # As transformers calls it: some templates ask whether tools are None.
                given = {"tools": None, "documents": None, "messages": messages}
                values = {**self._values, **given, "add_generation_prompt": asks}
                return output(self._program.generate(values))
        except _FAULTS as error:
            raise BadInput(
                f"the model's chat template refuses the conversation: {str(error)[:200].rstrip('.')}",
                "see that user and assistant take turns, or leave such rows out",
            ) from error

    def pieces(self, turns: Sequence[Turn], loss: Loss, ends: re.Pattern[str]) -> list[Piece]:
        """Cut a conversation into what is shown and what is learned.

        An answer is learned from where generation would begin to the end of its turn, including the special
        token that ends it.

        Args:
            turns: A conversation whose last turn is the assistant's.
            loss: Which turns are learned.
            ends: Matches the special tokens of the tokenizer.

        Returns:
            Pieces that make the rendered text up to the end of the last answer; the last one is that answer.

        Raises:
            BadInput: The template refuses the conversation, or changes earlier turns when later ones follow,
                so that no place in the text is where the model would begin to answer.
        """
        whole = self.render(turns)
        pieces: list[Piece] = []
        done = 0
        for number, turn in enumerate(turns):
            last = number == len(turns) - 1
            if turn.role != "assistant" or not (last or loss != "last"):
                continue
            start, end = self._answer(whole, turns, number, ends)
            if start < done:
                raise _rewritten()
            pieces += [Piece(whole[done:start], loss == "all"), Piece(whole[start:end], True)]
            done = end
        return [piece for piece in pieces if piece.text]

    def turn_end(self, ends: re.Pattern[str]) -> str:
        """The special token with which an answer ends; an empty text if the template writes none."""
        try:
            answer = self.pieces([Turn("user", "a"), Turn("assistant", "b")], "last", ends)[-1].text
        except BadInput:
            return ""
        found = ends.findall(answer)
        return str(found[-1]) if found else ""

    def _answer(
        self, whole: str, turns: Sequence[Turn], number: int, ends: re.Pattern[str]
    ) -> tuple[int, int]:
        """Where an answer begins to be generated, and where its turn ends."""
        shown = self.render(turns[:number], asks=True)
        answer = turns[number].content.strip()
        # By a mark in its place: the words of a short answer may stand in the template's own text too.
        marked = self.render([*turns[:number], Turn("assistant", _MARK), *turns[number + 1 :]])
        place = marked.find(_MARK)
        if place < 0 or marked[:place] != whole[:place] or not whole.startswith(shown) or place < len(shown):
            raise _rewritten()
        while place < len(whole) and whole[place].isspace() and not whole.startswith(answer, place):
            place += 1
        if not whole.startswith(answer, place):
            raise _rewritten()
        end = place + len(answer)
        closing = ends.search(whole, end)
        if closing is not None and not whole[end : closing.start()].strip():
            end = closing.end()
        return len(shown), end

    def _renders(self, turns: Sequence[Turn]) -> bool:
        self._takes_system = True
        try:
            text = self.render(turns)
        except BadInput:
            return False
        return _MARK in text


def load_chat_template(folder: Path, names: Mapping[str, Any]) -> ChatTemplate | None:
    """Read a model's chat template, if it has one.

    Args:
        folder: The model's.
        names: What its tokenizer_config.json says.

    Raises:
        BadInput: There is one, and it cannot be used.
    """
    file = folder / FILE
    try:
        source = file.read_text(encoding="utf-8") if file.is_file() else names.get("chat_template")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {error}", "copy the model again") from error
    if isinstance(source, list):
        named = {each.get("name"): each.get("template") for each in source if isinstance(each, Mapping)}
        source = named.get("default")
    if not isinstance(source, str) or not source.strip():
        return None
    texts = {
        key: value.get("content") if isinstance(value, Mapping) else value for key, value in names.items()
    }
    tokens = {key: text for key, text in texts.items() if key.endswith("_token") and isinstance(text, str)}
    return ChatTemplate(source, tokens)


class _Generation(Extension):
    """`{% generation %}` marks what the assistant says; where that begins is found by rendering."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Leave the marks out, and keep what stands between them."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _ChatSandbox(Sandbox):
    """The sandbox with the few more things that chat templates use, set up as transformers sets it up."""

    def __init__(self) -> None:
        super().__init__()
        self.undefined = Undefined
        self.finalize = plain_text
        self.trim_blocks = True
        self.lstrip_blocks = True
        self.globals |= {"raise_exception": _refuse, "strftime_now": _now}
        self.filters |= {"tojson": charged(_json), "safe": str, "indent": charged(FILTERS["indent"])}
        for extension in (LoopControlExtension, _Generation):
            self.add_extension(extension)


@functools.lru_cache(maxsize=1)
def _environment() -> _ChatSandbox:
    return _ChatSandbox()


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def _json(value: Any, indent: int | None = None, ensure_ascii: bool = False, **options: Any) -> str:
    allowed = {key: options[key] for key in ("separators", "sort_keys") if key in options}
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=min(indent or 0, 8) or None, **allowed)


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    """The system's text in the user's turn that follows it, or else in the last one."""
    found: list[Turn] = []
    waiting: list[str] = []
    for turn in turns:
        if turn.role == "system":
            waiting.append(turn.content)
        elif turn.role == "user" and waiting:
            found.append(Turn("user", "\n\n".join([*waiting, turn.content])))
            waiting = []
        else:
            found.append(turn)
    last = next((at for at in reversed(range(len(found))) if found[at].role == "user"), None)
    if waiting and last is not None:
        found[last] = Turn("user", "\n\n".join([found[last].content, *waiting]))
    return found


def _rewritten() -> BadInput:
    return BadInput(
        "the model's chat template writes a turn differently when later ones follow, or changes it",
        'set loss = "last" in the template, or use prompt and completion',
    )
