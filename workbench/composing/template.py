"""A row of a dataset made into the text that a model is shown and the text that it shall learn to write.

Templates are Jinja2 over the dataset's columns; keeping them from doing harm is the business of `sandbox`.
"""

from __future__ import annotations

import functools
import hashlib
import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError

from store.errors import BadInput, near
from store.templates import Loss, Template, Variant
from store.texts import told as told_of
from workbench.composing import faults
from workbench.composing.conversation import Turn, cue, read_turns, told
from workbench.composing.sandbox import (
    FILTER_NAMES,
    METHOD_NAMES,
    LimitError,
    Sandbox,
    budget,
    guard,
    output,
    undeclared,
)

if TYPE_CHECKING:
    from store import Store
    from store.datasets import Dataset

__all__ = [
    "POOL_ROWS",
    "Composer",
    "Example",
    "Turn",
    "check",
    "choose",
    "columns",
    "composer",
    "render",
    "validate",
]

MAX_SOURCE_CHARACTERS = 100_000

ROW = "row"
"""The name of the whole row, for columns whose names are no identifiers: `{{ row["section text"] }}`."""
CHOICES = "choices"
"""The name of the template's answers, for completions such as `{{ choices[label] }}`."""

POOL_ROWS = 256
"""Few-shot examples are drawn from so many first rows of the training split."""

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
    """What one row teaches: the prompt is shown, the completion is learned.

    Attributes:
        prompt: For a conversation all before the last answer, with the speakers' names.
        completion: For a conversation the last answer.
        variant: The name of the variant that made it.
        system: What comes before everything.
        separator: What stands between prompt and completion where there is no chat template.
        turns: The whole conversation, up to the last answer; empty for a prompt and a completion.
        loss: Which turns of a conversation are learned.
    """

    prompt: str
    completion: str
    variant: str
    system: str = ""
    separator: str = ""
    turns: tuple[Turn, ...] = ()
    loss: Loss = "assistant"

    def asked(self, *, causal: bool, chat: bool) -> str:
        """The text that a person would type to ask a model what this example asks it.

        Args:
            causal: The model goes on with a text, so that the separator stands at its end.
            chat: The model has a chat template, which writes what stands around it.
        """
        if chat:
            return self.prompt
        if self.turns:
            return cue(self.turns[:-1])
        system = f"{self.system}\n\n" if self.system else ""
        return system + self.prompt + (self.separator if causal else "")


class Composer:
    """A template at work on the rows of a dataset: the one way from a row to its example.

    Training, evaluation, preview and checks all go through here, so that they mean the same thing by
    "row 7": the same variant, and the same few-shot examples.

    Args:
        template: Its variants are dealt out to the rows.
        seed: Another seed deals them out differently.
        pool: Rows that few-shot variants take their examples from; a row is never its own example.
    """

    def __init__(self, template: Template, seed: int = 42, pool: Sequence[Mapping[str, Any]] = ()) -> None:
        self.template = template
        self.seed = seed
        self._pool = pool

    def example(self, index: int, row: Mapping[str, Any], variant: int | None = None) -> Example:
        """Make the example of one row.

        Args:
            index: The row's number in its split.
            row: The row.
            variant: The number of a variant, in the place of the one that is the row's turn.

        Raises:
            BadInput: The row cannot be rendered, or there is nothing to learn in it.
        """
        template = self.template
        chosen = choose(template, index, self.seed) if variant is None else template.variants[variant]
        return render(
            chosen,
            row,
            system=template.system,
            choices=template.choices,
            separator=template.separator,
            loss=template.loss,
            shots=self._shots(chosen.shots, index, row),
        )

    def _shots(self, count: int, index: int, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        if not count:
            return []
        # S311: the draw is to be repeatable, not secret.
        chance = random.Random(f"{self.seed}:{index}")  # noqa: S311
        shots: list[Mapping[str, Any]] = []
        # A few are mostly enough; where many rows are equal to this one, all are looked through.
        for size in (min(count + 1, len(self._pool)), len(self._pool)):
            shots = [self._pool[at] for at in chance.sample(range(len(self._pool)), size)]
            shots = [shot for shot in shots if shot != row][:count]
            if len(shots) == count:
                break
        if len(shots) < count:
            raise BadInput(
                f"the template shows {count} other rows as examples, and there are {len(shots)}",
                "use a larger training split, or a variant with fewer shots",
            )
        return shots


def composer(store: Store, dataset: Dataset, template: Template, seed: int) -> Composer:
    """Make the composer of a dataset's rows, with the examples that few-shot variants need."""
    if not template.shots:
        return Composer(template, seed)
    split = "train" if "train" in dataset.splits else next(iter(dataset.splits))
    return Composer(template, seed, list(store.datasets.rows(dataset.name, split, limit=POOL_ROWS)))


def render(
    variant: Variant,
    row: Mapping[str, Any],
    *,
    system: str | None = None,
    choices: tuple[str, ...] | str = (),
    separator: str | None = None,
    loss: Loss = "assistant",
    shots: Sequence[Mapping[str, Any]] = (),
) -> Example:
    """Render a variant for one row.

    Args:
        variant: Prompt and completion as Jinja2, or the column of a conversation.
        row: The row's columns. A missing value (None) is an empty text; a text that holds JSON stays a text.
        system: The template's system text as Jinja2.
        choices: The template's answers, or the name of the column that lists them.
        separator: What the template puts between prompt and completion; None leaves it to us.
        loss: Which turns of a conversation are learned.
        shots: Rows that are shown solved before this one.

    Raises:
        BadInput: The syntax is wrong, a column is not there, a limit is passed, the completion is empty or
            none of the choices, or the conversation has no answer.
    """
    with budget():
        before = "" if system is None else _render("the system text", system, _values(row, choices), row)
        if variant.messages is not None:
            return _conversation(variant, row, before.strip(), loss)
        prompt, completion = _pair(variant, row, choices)
        solved = [_pair(variant, shot, choices) for shot in shots]
    joint = _joint(prompt, separator)
    shown = "".join(f"{text}{_joint(text, separator)}{answer}\n\n" for text, answer in solved)
    return Example(shown + prompt, completion, variant.name, before.strip(), joint)


def columns(variant: Variant) -> set[str]:
    """The columns that a variant reads.

    Raises:
        BadInput: The syntax of one of its parts is wrong.
    """
    if variant.messages is not None:
        return {variant.messages}
    return set().union(*(_read(_where(variant, part), getattr(variant, part)).columns for part in _PARTS))


def check(template: Template, columns: Collection[str]) -> None:
    """Check a template against a dataset's columns.

    Args:
        template: All its variants are checked.
        columns: The names of the columns that there are.

    Raises:
        BadInput: Every problem of every variant, told at once.
    """
    known = {*columns, CHOICES} if template.choices else columns
    problems = [problem for variant in template.variants for problem in _problems(variant, known)]
    if template.system is not None:
        problems += _problems_of_part("the system text", template.system, known)
    if isinstance(template.choices, str) and template.choices not in columns:
        problems.append(f"choices: {_not_there(template.choices, columns)}")
    if problems:
        all_told = told_of(list(dict.fromkeys(problems)))
        raise BadInput(f"template {template.name!r}: {all_told}", _there_are(columns))


def validate(template: Template) -> None:
    """Check what can be checked of a template without a dataset: its syntax, and that it teaches something.

    Raises:
        BadInput: Every problem of every variant, told at once, with line and column.
    """
    problems = [problem for variant in template.variants for problem in _problems(variant, None)]
    if template.system is not None:
        problems += _problems_of_part("the system text", template.system, None)
    if problems:
        told_all = told_of(list(dict.fromkeys(problems)))
        raise BadInput(f"template {template.name!r}: {told_all}", "mend it, and add it again")


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


def _pair(variant: Variant, row: Mapping[str, Any], choices: tuple[str, ...] | str) -> tuple[str, str]:
    """A row's prompt and completion."""
    values = _values(row, choices)
    prompt, completion = (
        _render(_where(variant, part), getattr(variant, part), values, row) for part in _PARTS
    )
    if not completion.strip():
        used = ", ".join(sorted(_parsed(variant.completion).columns)) or "none"
        raise BadInput(
            f"variant {variant.name!r}: the completion is empty for this row, so nothing could be learned",
            f"leave such rows out of the dataset, or use other columns in the completion (it uses: {used})",
        )
    if choices and completion.strip() not in (answers := [str(each).strip() for each in values[CHOICES]]):
        raise BadInput(
            f"variant {variant.name!r}: the completion {completion.strip()[:60]!r} is none of the choices",
            f"the choices are {', '.join(answers[:8])}; complete with one, as {{{{ choices[label] }}}}",
        )
    return prompt, completion


def _values(row: Mapping[str, Any], choices: tuple[str, ...] | str) -> dict[str, Any]:
    values = {**row, ROW: row}
    if isinstance(choices, str):
        listed = row.get(choices)
        if not isinstance(listed, list | tuple) or not listed:
            raise BadInput(
                f"the column {choices!r} lists no choices in this row",
                "name a column that holds a list, or give the template a list of its own",
            )
        values[CHOICES] = listed
    elif choices:
        values[CHOICES] = choices
    return values


def _joint(prompt: str, separator: str | None) -> str:
    if separator is not None:
        return separator
    return "" if not prompt or prompt[-1].isspace() else "\n"


def _conversation(variant: Variant, row: Mapping[str, Any], system: str, loss: Loss) -> Example:
    column = variant.messages or ""
    if column not in row:
        raise BadInput(f"variant {variant.name!r}: {_not_there(column, row)}", _there_are(row))
    turns = read_turns(row[column], f"variant {variant.name!r}, column {column!r}")
    if system and turns[0].role != "system":
        turns = (Turn("system", system), *turns)
    return Example(told(turns[:-1]), turns[-1].content, variant.name, turns=turns, loss=loss)


def _problems(variant: Variant, columns: Collection[str] | None) -> list[str]:
    """What is wrong with a variant; None stands for columns that are not known."""
    if variant.messages is not None:
        there = columns is None or variant.messages in columns
        return [] if there else [f"variant {variant.name!r}: {_not_there(variant.messages, columns or ())}"]
    problems = [
        problem
        for part in _PARTS
        for problem in _problems_of_part(_where(variant, part), getattr(variant, part), columns)
    ]
    if not variant.completion.strip():
        problems.append(f"{_where(variant, 'completion')} is empty, so nothing could be learned")
    return problems


def _problems_of_part(where: str, source: str, columns: Collection[str] | None) -> list[str]:
    try:
        reading = _read(where, source)
    except BadInput as error:
        return [error.what]
    if columns is None:
        return []
    missing = sorted(reading.columns - reading.optional - set(columns))
    return [f"{where}: {_not_there(name, columns)}" for name in missing]


def _read(where: str, source: str) -> _Reading:
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
def _parsed(source: str) -> _Reading:
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise LimitError(f"it has {len(source):,} characters, more than {MAX_SOURCE_CHARACTERS:,}")
    tree = _ENVIRONMENT.parse(source)
    guard(tree)
    used = (undeclared(tree) - _NOT_COLUMNS) | _columns_by_row(tree)
    optional = {
        node.node.name
        for node in tree.find_all((nodes.Filter, nodes.Test))
        if node.name in {"d", "default", "defined", "undefined"} and isinstance(node.node, nodes.Name)
    }
    program = _ENVIRONMENT.from_string(tree)
    # Jinja2 keeps two layers of globals and copies them for each rendering: one layer is copied faster.
    program.globals = dict(program.globals)
    return _Reading(frozenset(used), frozenset(optional), program)


def _columns_by_row(tree: nodes.Template) -> set[str]:
    """Columns read as `row["name"]` or `row.name`."""
    by_attribute = ((node.node, node.attr) for node in tree.find_all(nodes.Getattr))
    by_item = ((node.node, getattr(node.arg, "value", None)) for node in tree.find_all(nodes.Getitem))
    return {
        name
        for owner, name in (*by_attribute, *by_item)
        if isinstance(owner, nodes.Name) and owner.name == ROW and isinstance(name, str)
    }


def _render(where: str, source: str, values: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    reading = _read(where, source)
    try:
        return output(reading.program.generate(values))
    except _FAULTS_OF_RENDERING as error:
        _explain(error, where, row)


def _explain(error: Exception, where: str, row: Mapping[str, Any]) -> NoReturn:
    line = _line(error)
    where += f", line {line}" if line else ""
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
    return f"the column {column[:60]!r} is not there{hint}"


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
