"""A text in Jinja2 over a row's columns: read once, run for each row, its faults told in words.

Keeping it from doing harm is the business of `sandbox`; what a template is made of, that of `template`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError

from store.errors import BadInput, near
from workbench.composing import faults
from workbench.composing.functions import shown
from workbench.composing.limits import check_length
from workbench.composing.sandbox import (
    FAULTS,
    FILTER_NAMES,
    METHOD_NAMES,
    LimitError,
    Sandbox,
    guard,
    output,
    undeclared,
)

MAX_SOURCE_CHARACTERS = 100_000

ROW = "row"
"""The name of the whole row, for columns whose names are no identifiers: `{{ row["section text"] }}`."""

_UNDEFINED = re.compile("'([^']+)' is undefined")
_ENVIRONMENT = Sandbox()


@dataclass(frozen=True, slots=True)
class Program:
    """What a source says: the columns it reads, those it can do without, and what runs.

    `plain` is all of it where it is nothing but text and names, as most are: each name after its text, and
    the text after the last one.
    """

    columns: frozenset[str]
    shared: frozenset[str]
    """Names that it reads of functions such as `range`; a column of such a name comes before it."""
    optional: frozenset[str]
    whole_row: bool
    """Whether it may read any column, as `row` is used for more than naming one."""
    compiled: jinja2.Template
    plain: tuple[tuple[str, str], ...] | None = None


def fault(where: str, source: str) -> str:
    """What is wrong with a source whatever the columns; empty where nothing is."""
    try:
        read(where, source)
    except BadInput as error:
        return error.what
    return ""


def missing(where: str, source: str, columns: Collection[str]) -> list[str]:
    """The columns that a source cannot do without and that are not there; none where it cannot be read."""
    try:
        program = read(where, source)
    except BadInput:
        return []
    return sorted(program.columns - program.optional - set(columns))


def read(where: str, source: str) -> Program:
    """Read a source.

    Args:
        where: What to call it in errors.
        source: Jinja2.

    Raises:
        BadInput: Its syntax is wrong, told with line and column, or it does what no prompt needs.
    """
    try:
        return _parsed(source)
    except jinja2.TemplateSyntaxError as error:
        line, column = faults.place(_ENVIRONMENT, source, error)
        at = f"{where}, line {line}, column {column}"
        raise BadInput(f"{at}: {str(error.message).rstrip('.')}", _remedy(error)) from error
    except LimitError as error:
        raise BadInput(f"{where}: {error}", "simplify the template") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # Python's own compiler gave up on what the template compiles to.
        raise BadInput(f"{where}: nested too deeply or too long", "simplify it") from error


@functools.lru_cache(maxsize=512)
def _parsed(source: str) -> Program:
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise LimitError(f"it has {len(source):,} characters, more than {MAX_SOURCE_CHARACTERS:,}")
    tree = _ENVIRONMENT.parse(source)
    plain = _plain(tree)
    guard(tree)
    by_row, whole_row = _columns_by_row(tree)
    used = (undeclared(tree) - {ROW}) | by_row
    optional = {
        node.node.name
        for node in tree.find_all((nodes.Filter, nodes.Test))
        if node.name in {"d", "default", "defined", "undefined"} and isinstance(node.node, nodes.Name)
    }
    program = _ENVIRONMENT.from_string(tree)
    # Jinja2 keeps two layers of globals and copies them for each rendering: one layer is copied faster.
    program.globals = dict(program.globals)
    functions = frozenset(_ENVIRONMENT.globals)
    columns, shared = frozenset(used) - functions, functions & used
    return Program(columns, shared, frozenset(optional), whole_row, program, plain)


def _plain(tree: nodes.Template) -> tuple[tuple[str, str], ...] | None:
    """The texts and names that a template consists of; None where there is anything else."""
    found: list[tuple[str, str]] = []
    text = ""
    for statement in tree.body:
        for part in statement.nodes if isinstance(statement, nodes.Output) else [statement]:
            if isinstance(part, nodes.TemplateData):
                text += part.data
            elif isinstance(part, nodes.Name):
                found.append((text, part.name))
                text = ""
            else:
                return None
    return (*found, (text, ""))


def _columns_by_row(tree: nodes.Template) -> tuple[set[str], bool]:
    """Columns read as `row["name"]` or `row.name`, and whether the row is used in any other way."""
    if ROW not in undeclared(tree):
        return set(), False  # a name of the template's own
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    names: list[str] = []
    owned: list[tuple[nodes.Node, nodes.Node, Any]] = [
        (node, node.node, node.attr) for node in tree.find_all(nodes.Getattr)
    ]
    owned += [(node, node.node, getattr(node.arg, "value", None)) for node in tree.find_all(nodes.Getitem)]
    for node, owner, name in owned:
        of_row = isinstance(owner, nodes.Name) and owner.name == ROW
        if of_row and isinstance(name, str) and id(node) not in called:
            names.append(name)
    uses = sum(node.name == ROW and node.ctx == "load" for node in tree.find_all(nodes.Name))
    return set(names), uses > len(names)


def run(where: str, source: str, values: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Render a source, within the budget that is open.

    Args:
        where: What to call it in errors.
        source: Jinja2.
        values: What its names stand for.
        row: The row, for errors that name its columns.

    Raises:
        BadInput: A column is not there, a limit is passed, or an expression cannot be worked out.
    """
    program = read(where, source)
    if program.plain is not None:
        # Ten times as fast as what follows, which tells what is wrong where anything is.
        text = _filled(program.plain, values)
        if text is not None:
            return text
    try:
        return output(program.compiled.generate(values))
    except FAULTS as error:
        _explain(error, where, row)


def _filled(plain: tuple[tuple[str, str], ...], values: Mapping[str, Any]) -> str | None:
    """What Jinja2 makes of texts and names; None where it makes nothing of them."""
    parts: list[str] = []
    try:
        for text, name in plain[:-1]:
            parts += (text, shown(values[name]))
        parts.append(plain[-1][0])
        check_length(sum(map(len, parts)))
    except FAULTS:
        return None
    return "".join(parts)


def _explain(error: Exception, where: str, row: Mapping[str, Any]) -> NoReturn:
    line = _line(error)
    where += f", line {line}" if line else ""
    if isinstance(error, jinja2.UndefinedError):
        raise BadInput(f"{where}: {_undefined(str(error.message), row)}", there_are(row)) from error
    if isinstance(error, LimitError):
        raise BadInput(f"{where}: {error}", "simplify the template, or shorten the row") from error
    if isinstance(error, RecursionError | MemoryError):
        raise BadInput(f"{where}: a value is nested too deeply or too large", "simplify it") from error
    raise BadInput(f"{where}: {str(error).rstrip('.')}", _remedy(error)) from error


def _undefined(message: str, row: Mapping[str, Any]) -> str:
    found = _UNDEFINED.fullmatch(message)
    return not_there(found[1], row) if found else message


def not_there(column: str, columns: Collection[str]) -> str:
    """Say that a column is not there, and which may be meant."""
    meant = near(column, columns)
    hint = f" (did you mean {meant!r}?)" if meant else ""
    return f"the column {column[:60]!r} is not there{hint}"


def _line(error: Exception) -> int | None:
    """The line of the template that an error comes from: Jinja2 writes it into the traceback."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _remedy(error: Exception) -> str:
    if "No filter named" in str(error):
        return f"the filters there are: {', '.join(FILTER_NAMES)}"
    if isinstance(error, jinja2.TemplateSyntaxError):
        return "write {{ column }} for a column's text, {% if column %}...{% endif %} for a choice"
    if isinstance(error, SecurityError):
        return f"the methods there are: {', '.join(METHOD_NAMES)}"
    return "mend the expression, or the value in this row"


def there_are(columns: Collection[str]) -> str:
    """Say which columns there are."""
    return f"the dataset has the columns {', '.join(columns)}" if columns else "the dataset has no columns"
