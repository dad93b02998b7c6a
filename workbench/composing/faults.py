"""Where in a template's source a syntax fault stands: Jinja2 tells the line, and here the column is found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError
from jinja2.lexer import TOKEN_EOF, Token, ignored_tokens
from jinja2.parser import Parser

_UNSEEN = frozenset({*ignored_tokens, "raw_begin", "raw_end"})
_NAMED = re.compile(r"'([^']+)'")


def place(environment: Environment, source: str, error: TemplateSyntaxError) -> tuple[int, int]:
    """Return the line and the column of a fault, both from 1.

    Args:
        environment: The one that refused the source.
        source: The template's text.
        error: How it was refused.
    """
    line = error.lineno
    offset = _offset(environment, source)
    if offset is None:
        # The parser has no fault to find: a name is unknown, which stands somewhere in the line.
        return line, _column_of_name(source, line, error)
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _offset(environment: Environment, source: str) -> int | None:
    """Where the token starts that the parser, or the lexer itself, gave up at."""
    seen = 1  # the stream takes its first token at once

    def counted(tokens: Iterator[Token]) -> Iterator[Token]:
        nonlocal seen
        try:
            for token in tokens:
                seen += 1
                yield token
        except TemplateSyntaxError:
            seen += 1  # what cannot be read stands where the next token would
            raise

    stream = None
    try:
        parser = Parser(environment, source)
        stream = parser.stream
        stream._iter = counted(stream._iter)
        parser.parse()
    except TemplateSyntaxError:
        if stream is not None and stream.current.type == TOKEN_EOF:
            return len(source.rstrip())
        return _start_of(environment, source, seen - (len(stream._pushed) if stream else 0))
    return None


def _start_of(environment: Environment, source: str, number: int) -> int:
    """The offset of the token with this number, or of what the lexer cannot read."""
    end = 0
    starts: list[int] = []
    try:
        for _, kind, text in environment.lexer.tokeniter(source, None):
            # By search: `{%-` and `-%}` drop the white space around them.
            start = max(source.find(text, end), end)
            end = start + len(text)
            if kind not in _UNSEEN:
                starts.append(start)
    except TemplateSyntaxError:
        starts.append(end)
    return starts[number - 1] if 0 < number <= len(starts) else len(source.rstrip())


def _column_of_name(source: str, line: int, error: TemplateSyntaxError) -> int:
    found = _NAMED.search(str(error.message))
    lines = source.split("\n")
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return max(text.find(found[1]) if found else 0, 0) + 1
