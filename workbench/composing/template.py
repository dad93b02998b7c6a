"""A row of a dataset made into the text that a model is shown and the text that it shall learn to write.

Templates are Jinja2 over the dataset's columns; keeping them from doing harm is the business of `sandbox`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError

from store.errors import BadInput, near
from store.templates import Template, Variant
from workbench.composing.sandbox import FILTER_NAMES, METHOD_NAMES, LimitError, Sandbox, budget, guard, output

MAX_SOURCE_CHARACTERS = 100_000

ROW = "row"
"""The name of the whole row, for columns whose names are no identifiers: `{{ row["section text"] }}`."""

_UNDEFINED = re.compile("'([^']+)' is undefined")
_PARTS = ("prompt", "completion")
_ENVIRONMENT = Sandbox()
_NOT_COLUMNS = {ROW, *_ENVIRONMENT.globals}
_FAULTS_OF_RENDERING = (
    jinja2.TemplateError,
    LimitError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class Example:
    """What one row teaches: the prompt is shown, the completion is learned."""

    prompt: str
    completion: str
    variant: str


def render(variant: Variant, row: Mapping[str, Any]) -> Example:
    """Render both parts of a variant for one row.

    Args:
        variant: Prompt and completion as Jinja2.
        row: The row's columns. A missing value (None) is an empty text; a text that holds JSON stays a text.

    Raises:
        BadInput: The syntax is wrong, a column is not there, a limit is passed, or the completion is empty.
    """
    with budget():
        prompt, completion = (_render(variant, part, row) for part in _PARTS)
    if not completion.strip():
        used = ", ".join(sorted(_parsed(variant.completion).columns)) or "none"
        raise BadInput(
            f"variant {variant.name!r}: the completion is empty for this row, so nothing could be learned",
            f"leave such rows out of the dataset, or use other columns in the completion (it uses: {used})",
        )
    return Example(prompt, completion, variant.name)


def columns(variant: Variant) -> set[str]:
    """The columns that a variant reads.

    Raises:
        BadInput: The syntax of one of its parts is wrong.
    """
    return set().union(*(_read(variant, part).columns for part in _PARTS))


def check(template: Template, columns: Collection[str]) -> None:
    """Check a template against a dataset's columns.

    Args:
        template: All its variants are checked.
        columns: The names of the columns that there are.

    Raises:
        BadInput: Every problem of every variant, told at once.
    """
    problems = [problem for variant in template.variants for problem in _problems(variant, columns)]
    if template.system is not None:
        problems.append("its system text would not be shown: write it at the start of each prompt")
    if problems:
        told = "; ".join(dict.fromkeys(problems))
        raise BadInput(f"template {template.name!r}: {told}", _there_are(columns))


def choose(template: Template, row_index: int, seed: int) -> Variant:
    """Choose a row's variant: of every n rows, one for each of n variants.

    Args:
        template: Its variants are chosen from.
        row_index: The row's number in its split.
        seed: Another seed deals the variants out differently; the same seed always the same.
    """
    count = len(template.variants)
    block = hashlib.blake2b(f"{seed}:{row_index // count}".encode(), digest_size=8).digest()
    return template.variants[(row_index + int.from_bytes(block)) % count]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the source of one part says: the columns it reads, those it can do without, and its program."""

    columns: frozenset[str]
    optional: frozenset[str]
    program: jinja2.Template


def _problems(variant: Variant, columns: Collection[str]) -> list[str]:
    problems = []
    for part in _PARTS:
        try:
            reading = _read(variant, part)
        except BadInput as error:
            problems.append(error.what)
            continue
        for name in sorted(reading.columns - reading.optional - set(columns)):
            problems.append(f"{_where(variant, part)}: {_not_there(name, columns)}")
    if not variant.completion.strip():
        problems.append(f"{_where(variant, 'completion')} is empty, so nothing could be learned")
    return problems


def _read(variant: Variant, part: str) -> _Reading:
    try:
        return _parsed(getattr(variant, part))
    except jinja2.TemplateSyntaxError as error:
        where = f"{_where(variant, part)}, line {error.lineno}"
        raise BadInput(f"{where}: {str(error.message).rstrip('.')}", _remedy(error)) from error
    except LimitError as error:
        raise BadInput(f"{_where(variant, part)}: {error}", "simplify the template") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # Python's own compiler gave up on what the template compiles to.
        raise BadInput(f"{_where(variant, part)}: nested too deeply or too long", "simplify it") from error


@functools.lru_cache(maxsize=512)
def _parsed(source: str) -> _Reading:
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise LimitError(f"it has {len(source):,} characters, more than {MAX_SOURCE_CHARACTERS:,}")
    tree = _ENVIRONMENT.parse(source)
    guard(tree)
    used = (meta.find_undeclared_variables(tree) - _NOT_COLUMNS) | _columns_by_row(tree)
    optional = {
        node.node.name
        for node in tree.find_all((nodes.Filter, nodes.Test))
        if node.name in {"d", "default", "defined", "undefined"} and isinstance(node.node, nodes.Name)
    }
    return _Reading(frozenset(used), frozenset(optional), _ENVIRONMENT.from_string(tree))


def _columns_by_row(tree: nodes.Template) -> set[str]:
    """Columns read as `row["name"]` or `row.name`."""
    by_attribute = ((node.node, node.attr) for node in tree.find_all(nodes.Getattr))
    by_item = ((node.node, getattr(node.arg, "value", None)) for node in tree.find_all(nodes.Getitem))
    return {
        name
        for owner, name in (*by_attribute, *by_item)
        if isinstance(owner, nodes.Name) and owner.name == ROW and isinstance(name, str)
    }


def _render(variant: Variant, part: str, row: Mapping[str, Any]) -> str:
    reading = _read(variant, part)
    try:
        return output(reading.program.generate({ROW: row} | dict(row)))
    except _FAULTS_OF_RENDERING as error:
        _explain(error, variant, part, row)


def _explain(error: Exception, variant: Variant, part: str, row: Mapping[str, Any]) -> NoReturn:
    line = _line(error)
    where = _where(variant, part) + (f", line {line}" if line else "")
    if isinstance(error, jinja2.UndefinedError):
        raise BadInput(f"{where}: {_undefined(str(error.message), row)}", _there_are(row)) from error
    if isinstance(error, LimitError):
        raise BadInput(f"{where}: {error}", "simplify the template, or shorten the row") from error
    if isinstance(error, RecursionError | MemoryError):
        raise BadInput(f"{where}: a value is nested too deeply or too large", "simplify it") from error
    raise BadInput(f"{where}: {str(error).rstrip('.')}", _remedy(error)) from error


def _undefined(message: str, row: Mapping[str, Any]) -> str:
    found = _UNDEFINED.fullmatch(message)
    return _not_there(found[1], row) if found else message


def _not_there(column: str, columns: Collection[str]) -> str:
    meant = near(column, columns)
    hint = f" (did you mean {meant!r}?)" if meant else ""
    return f"the column {column!r} is not there{hint}"


def _line(error: Exception) -> int | None:
    """The line of the template that an error comes from: Jinja2 writes it into the traceback."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _where(variant: Variant, part: str) -> str:
    return f"variant {variant.name!r}, {part}"


def _remedy(error: Exception) -> str:
    if "No filter named" in str(error):
        return f"the filters there are: {', '.join(FILTER_NAMES)}"
    if isinstance(error, jinja2.TemplateSyntaxError):
        return "write {{ column }} for a column's text, {% if column %}...{% endif %} for a choice"
    if isinstance(error, SecurityError):
        return f"the methods there are: {', '.join(METHOD_NAMES)}"
    return "mend the expression, or the value in this row"


def _there_are(columns: Collection[str]) -> str:
    return f"the dataset has the columns {', '.join(columns)}" if columns else "the dataset has no columns"
