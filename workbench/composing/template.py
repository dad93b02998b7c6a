"""A row of a dataset made into the text that a model is shown and the text that it shall learn to write.

Templates are Jinja2 over the dataset's columns; keeping them from doing harm is the business of `sandbox`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store.errors import BadInput
from store.templates import Loss, Template, Variant
from store.texts import told as told_of
from workbench.composing import program
from workbench.composing.conversation import Turn, cue, read_turns, told
from workbench.composing.functions import shown
from workbench.composing.program import ROW
from workbench.composing.sandbox import budget

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
    "reads",
    "render",
    "source_of",
    "validate",
]

CHOICES = "choices"
"""The name of the template's answers, for completions such as `{{ choices[label] }}`."""

POOL_ROWS = 256
"""Few-shot examples are drawn from so many first rows of the training split."""

_PARTS = ("prompt", "completion")


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
        template, chosen = self.template, self._variant(index, variant)
        return render(
            chosen,
            row,
            system=template.system,
            choices=template.choices,
            separator=template.separator,
            loss=template.loss,
            shots=self._shots(chosen.shots, index, row),
        )

    def source(self, index: int, row: Mapping[str, Any], variant: int | None = None) -> str:
        """What a row gives a model to work on (`source_of`); arguments and errors are those of `example`."""
        return source_of(self._variant(index, variant), row, self.template.choices)

    def _variant(self, index: int, variant: int | None) -> Variant:
        template = self.template
        if variant is None:
            return choose(template, index, self.seed)
        if not 0 <= variant < len(template.variants):
            raise BadInput(
                f"the template has no variant number {variant}", f"it has {len(template.variants)}, from 0"
            )
        return template.variants[variant]

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
        before = "" if system is None else program.run("the system text", system, _values(row, choices), row)
        if variant.messages is not None:
            return _conversation(variant, row, before.strip(), loss)
        prompt, completion = _pair(variant, row, choices)
        solved = [_pair(variant, shot, choices) for shot in shots]
    joint = _joint(prompt, separator)
    before_it = "".join(f"{text}{_joint(text, separator)}{answer}\n\n" for text, answer in solved)
    return Example(before_it + prompt, completion, variant.name, before.strip(), joint)


def source_of(variant: Variant, row: Mapping[str, Any], choices: tuple[str, ...] | str = ()) -> str:
    """What a model is given to work on: no system text and no examples, and no instruction where it is known.

    Where the prompt is nothing but text and columns, as most are, the text is the instruction and the columns
    are what is worked on. Where it does more (filters, loops), the two cannot be told apart for sure, and the
    prompt stands for both; so does all that was said before the answer in a conversation.

    Raises:
        BadInput: As for `render`, whose arguments these are.
    """
    if variant.messages is not None:
        turns = _conversation(variant, row, "", "assistant").turns
        return "\n".join(turn.content for turn in turns[:-1] if turn.role != "system")
    where = _where(variant, "prompt")
    own = {ROW, CHOICES} if choices else {ROW}
    names = [name for _, name in program.read(where, variant.prompt).plain or ()]
    with budget():
        worked_on = [shown(row[name]) for name in dict.fromkeys(names) if name in row and name not in own]
        if any(text.strip() for text in worked_on):
            return "\n".join(worked_on)
        return program.run(where, variant.prompt, _values(row, choices), row)


def reads(template: Template, columns: Collection[str]) -> set[str]:
    """Which of a dataset's columns a template reads, in whatever part of it.

    Raises:
        BadInput: The syntax of one of its parts is wrong.
    """
    found = set().union(*(_columns_or_all(variant, columns) for variant in template.variants))
    if template.system is not None:
        system = program.read("the system text", template.system)
        found |= set(columns) if system.whole_row else system.columns | system.shared
    if isinstance(template.choices, str):
        found.add(template.choices)
    return found & set(columns)


def _columns_or_all(variant: Variant, known: Collection[str]) -> set[str]:
    parts = () if variant.messages is not None else _PARTS
    programs = [program.read(_where(variant, part), getattr(variant, part)) for part in parts]
    if any(each.whole_row for each in programs):
        return set(known)
    return columns(variant).union(*(each.shared for each in programs))


def columns(variant: Variant) -> set[str]:
    """The columns that a variant reads.

    Raises:
        BadInput: The syntax of one of its parts is wrong.
    """
    if variant.messages is not None:
        return {variant.messages}
    return set().union(
        *(program.read(_where(variant, part), getattr(variant, part)).columns for part in _PARTS)
    )


def check(template: Template, columns: Collection[str]) -> None:
    """Check a template against a dataset's columns.

    Args:
        template: All its variants are checked.
        columns: The names of the columns that there are.

    Raises:
        BadInput: Every problem of every variant, told at once.
    """
    problems = [*_faults(template), *_missing(template, columns)]
    if problems:
        raise BadInput(f"template {template.name!r}: {told_of(problems)}", program.there_are(columns))


def validate(template: Template) -> None:
    """Check what can be checked of a template without a dataset: its syntax, and that it teaches something.

    Raises:
        BadInput: Every problem of every variant, told at once, with line and column.
    """
    problems = _faults(template)
    if problems:
        raise BadInput(f"template {template.name!r}: {told_of(problems)}", "mend it, and add it again")


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


def _pair(variant: Variant, row: Mapping[str, Any], choices: tuple[str, ...] | str) -> tuple[str, str]:
    """A row's prompt and completion."""
    values = _values(row, choices)
    prompt = program.run(_where(variant, "prompt"), variant.prompt, values, row)
    completion = program.run(_where(variant, "completion"), variant.completion, values, row)
    if not completion.strip():
        used = ", ".join(sorted(program.read("", variant.completion).columns)) or "none"
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
        raise BadInput(f"variant {variant.name!r}: {program.not_there(column, row)}", program.there_are(row))
    turns = read_turns(row[column], f"variant {variant.name!r}, column {column!r}")
    if system and turns[0].role != "system":
        turns = (Turn("system", system), *turns)
    return Example(told(turns[:-1]), turns[-1].content, variant.name, turns=turns, loss=loss)


def _sources(template: Template) -> Iterator[tuple[str, str]]:
    """All Jinja2 of a template, and what to call it."""
    for variant in template.variants:
        if variant.messages is None:
            yield from ((_where(variant, part), getattr(variant, part)) for part in _PARTS)
    if template.system is not None:
        yield "the system text", template.system


def _faults(template: Template) -> list[str]:
    """What is wrong with a template whatever the columns."""
    found = [fault for where, source in _sources(template) if (fault := program.fault(where, source))]
    found += [
        f"{_where(variant, 'completion')} is empty, so nothing could be learned"
        for variant in template.variants
        if variant.messages is None and not variant.completion.strip()
    ]
    return list(dict.fromkeys(found))


def _missing(template: Template, columns: Collection[str]) -> list[str]:
    """The columns that a template reads and that are not there, each told once however often it is read."""
    known = {*columns, CHOICES} if template.choices else {*columns}
    places: dict[str, list[str]] = {}
    for where, source in _sources(template):
        for name in program.missing(where, source, known):
            places.setdefault(name, []).append(where)
    for variant in template.variants:
        if variant.messages is not None and variant.messages not in known:
            places.setdefault(variant.messages, []).append(f"variant {variant.name!r}")
    if isinstance(template.choices, str) and template.choices not in columns:
        places.setdefault(template.choices, []).append(CHOICES)
    return [f"{_first(found)}: {program.not_there(name, columns)}" for name, found in places.items()]


def _first(places: Sequence[str]) -> str:
    others = len(places) - 1
    return places[0] + (f" and {others} more place{'s' * (others > 1)}" if others else "")


def _where(variant: Variant, part: str) -> str:
    return f"variant {variant.name!r}, {part}"
