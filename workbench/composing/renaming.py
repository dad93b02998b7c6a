"""Give the columns of a template other names, and leave its wording, comments and layout as they are.

It reads the tokens of the template's Jinja2 and of its TOML; which column stands for which is the business of
`library` and `shapes`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from jinja2 import nodes

from workbench.composing.sandbox import Sandbox


class Expression(str):
    """Jinja2 over the columns of a row, where a plain text names a column: `question.stem`."""

    __slots__ = ()


_ENVIRONMENT = Sandbox()
_RESERVED = frozenset(
    """
    and or not in is if else elif for true false none True False None recursive loop self super caller
    varargs kwargs row range namespace
    """.split()  # noqa: SIM905 - one name a line would fill a screen
)
_READS_FURTHER = {".", "[", "("}
_SPACE = {"whitespace", "comment", "linecomment"}
_LITERAL = re.compile(r'"[^"\\{}]*"')
_KEY = re.compile(
    r"""(?msx)
    ^(?P<key>\w+)(?P<equals>[ \t]*=[ \t]*)
    (?P<value>\"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*' | [^\n]*)
    (?P<rest>[^\n]*\n?)
    | ^(?P<hash>\#[ ]{3})(?P<column>\w+)(?P<gap>[ ]{2,})
    """
)


def renamed(text: str, mapping: Mapping[str, str]) -> str:
    """Rename the columns of a template.

    Args:
        text: The template's TOML.
        mapping: Column of the template -> the column that takes its place, or an `Expression` over several.

    Returns:
        The TOML, valid and laid out as before. A list of `choices` that an expression takes the place of is
        no column any more: its key is dropped, and the expression stands where `choices` stood.
    """
    document = tomllib.loads(text)
    listed = document.get("choices")
    names = dict(mapping)
    if isinstance(listed, str) and isinstance(mapping.get(listed), Expression):
        names["choices"] = mapping[listed]

    def change(found: re.Match[str]) -> str:
        if found["column"]:
            return f"{found['hash']}{_as_comment(names.get(found['column'], found['column']))}{found['gap']}"
        if found["value"][:1] not in {'"', "'"}:
            return found[0]
        value = tomllib.loads(f"v = {found['value']}")["v"]
        if found["key"] == "choices" and "choices" in names:
            return ""
        if found["key"] in {"choices", "messages"}:
            new = str(names.get(value, value))
        elif found["key"] in {"prompt", "completion", "system"}:
            new = renamed_source(value, names, own_choices="choices" in document and "choices" not in names)
        else:
            return found[0]
        same = new == value
        written = found["value"] if same else quoted(new, tall=found["value"][:3] in {'"""', "'''"})
        return f"{found['key']}{found['equals']}{written}{found['rest']}"

    return _KEY.sub(change, text)


def renamed_source(source: str, mapping: Mapping[str, str], *, own_choices: bool = True) -> str:
    """Rename the columns in one Jinja2 source.

    Args:
        source: The template.
        mapping: Column -> the column or `Expression` in its place.
        own_choices: The name `choices` means the template's answers, so a column of that name needs `row`.
    """
    bound = {node.name for node in _ENVIRONMENT.parse(source).find_all(nodes.Name) if node.ctx == "store"}
    taken = bound | ({"choices"} if own_choices else set())
    tokens = _tokens(source)
    pieces: list[str] = []
    end = at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind != "name" or token.text not in mapping or not _is_variable(tokens, at):
            at += 1
            continue
        new = mapping[token.text]
        if not isinstance(new, Expression):
            new = reference(new, taken)
        elif _alone(tokens, at) and _LITERAL.fullmatch(new):
            pieces += [source[end : tokens[at - 1].start], str(json.loads(new))]
            end, at = tokens[at + 1].end, at + 2
            continue
        elif not _alone(tokens, at):
            new = enclosed(new, tokens[at + 1].text if at + 1 < len(tokens) else "")
        pieces += [source[end : token.start], new]
        end, at = token.end, at + 1
    return "".join([*pieces, source[end:]])


def reference(column: str, taken: Collection[str] = ()) -> str:
    """How Jinja2 reads a column: by its name, or as `row["its name"]` where that name is none or is taken."""
    plain = column.isidentifier() and column not in _RESERVED and column not in taken
    return column if plain else f"row[{literal(column)}]"


def literal(text: str) -> str:
    """A text as a Jinja2 literal."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def quoted(text: str, *, tall: bool) -> str:
    """A text as a TOML string, with as few backslashes as can be.

    Args:
        text: The text.
        tall: Between three quotes, beginning on a line of its own.
    """
    printable = all(character.isprintable() or character in "\n\t" for character in text)
    if tall and printable and "\\" not in text and '"""' not in text:
        return '"""\n' + (text[:-1] + '\\"' if text.endswith('"') else text) + '"""'
    if tall and printable and "'''" not in text and not text.endswith("'"):
        return f"'''\n{text}'''"
    if not tall and printable and not {'"', "\\", "\n", "\t"} & set(text):
        return f'"{text}"'
    if not tall and printable and not {"'", "\n"} & set(text):
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def _tokens(source: str) -> list[_Token]:
    """What stands in the source, without white space and comments; each with its place."""
    found: list[_Token] = []
    end = 0
    for _, kind, text in _ENVIRONMENT.lexer.tokeniter(source, None):
        # By search: `{%-` drops the white space before it.
        start = max(source.find(text, end), end)
        end = start + len(text)
        if kind not in _SPACE:
            found.append(_Token(kind, text, start))
    return found


def _is_variable(tokens: list[_Token], at: int) -> bool:
    """Whether a name is read, rather than an attribute, a filter, a test or an argument's name."""
    before = [token.text for token in tokens[max(at - 2, 0) : at]]
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    names_a_test = before[-1:] == ["is"] or before == ["is", "not"]
    return before[-1:] not in (["."], ["|"]) and not names_a_test and after != "="


def _alone(tokens: list[_Token], at: int) -> bool:
    """Whether a name is all there is between `{{` and `}}`."""
    around = tokens[at - 1 : at] + tokens[at + 1 : at + 2]
    return [token.kind for token in around] == ["variable_begin", "variable_end"]


def enclosed(expression: str, following: str) -> str:
    """An expression in parentheses, where it would otherwise come apart among its neighbours."""
    body = _ENVIRONMENT.parse("{{" + expression + "}}").body[0]
    node = body.nodes[0] if isinstance(body, nodes.Output) else body
    closed = isinstance(
        node, nodes.Name | nodes.Const | nodes.List | nodes.Getattr | nodes.Getitem | nodes.Call
    )
    if closed or (isinstance(node, nodes.Filter) and following not in _READS_FURTHER):
        return expression
    return f"({expression})"


def _as_comment(column: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in column).split())
