"""Instruction templates: TOML in and out, and their place in the store; rendering is composing's affair.

The file `templates/<name>.toml` is the truth, whatever editor wrote it; the catalog says that it was added.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import tomli_w

from store.errors import BadInput
from store.files import check_name
from store.texts import Fault, Form, Texts, faults_of_keys, load, text_fault, told

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_SHOTS = 16
MAX_VARIANTS = 200

Loss = Literal["assistant", "last", "all"]


@dataclass(frozen=True)
class Variant:
    """One phrasing of a task: a prompt and a completion in Jinja2 over the dataset's columns.

    Args:
        name: unique in its template.
        prompt: what the model is shown.
        completion: what it learns to write.
        shots: other rows that are shown before the prompt, solved by this same variant (few-shot).
        messages: in the place of prompt and completion, the column that holds a whole conversation.
    """

    name: str
    prompt: str = ""
    completion: str = ""
    shots: int = 0
    messages: str | None = None


@dataclass(frozen=True)
class Template:
    """Several phrasings of one task, FLAN style.

    Args:
        name: its name in the store.
        task: what its variants have in common, in words.
        variants: at least one.
        system: a text in Jinja2 that comes before everything: a chat model's system turn.
        choices: the answers there are, `choices` in Jinja2; or the name of the column that lists a row's.
        separator: what stands between prompt and completion where the model has no chat template; None
            leaves it to the workbench: a line break, unless the prompt ends in white space of its own.
        loss: which turns of a conversation are learned: the `assistant`'s, the `last` of them, or `all`.
    """

    name: str
    task: str
    variants: tuple[Variant, ...]
    system: str | None = None
    choices: tuple[str, ...] | str = ()
    separator: str | None = None
    loss: Loss = "assistant"

    @property
    def hash(self) -> str:
        """The sha256 of the template's canonical text: equal templates have equal hashes, however written."""
        return hashlib.sha256(format_template(self).encode()).hexdigest()

    @property
    def shots(self) -> int:
        """The most example rows that one of its variants shows."""
        return max(variant.shots for variant in self.variants)


def format_template(template: Template) -> str:
    """Return a template as TOML, with multi-line strings where there are line breaks."""
    document = _set_keys(template, ("name", "task"))
    variants = [_set_keys(variant, ("name",)) for variant in template.variants]
    tables = [document, *variants]
    texts = [text for table in tables for text in table.values() if isinstance(text, str)]
    # TOML reads \r\n in a multi-line string as \n, so such texts are written with escapes.
    return tomli_w.dumps(
        {**document, "variants": variants}, multiline_strings=not any("\r" in text for text in texts)
    )


def _set_keys(of: Template | Variant, always: tuple[str, ...]) -> dict[str, Any]:
    """The keys of a template or variant that say something: those that are not at their default."""
    written = always if isinstance(of, Template) or of.messages is not None else (*always, *_TEXTS)
    return {
        field.name: list(value) if isinstance(value, tuple) else value
        for field in fields(of)
        if field.name != "variants"
        and ((value := getattr(of, field.name)) != field.default or field.name in written)
    }


def parse_template(text: str, origin: str) -> Template:
    """Read a template from TOML.

    Args:
        text: the TOML text.
        origin: what to call it in errors, such as the file's name.
    Raises:
        BadInput: all faults at once: syntax with line and column; keys missing, unknown or of a wrong type.
    """
    document = load(text, origin)
    faults = faults_of_keys(document, _TEMPLATE_KEYS, ("name", "task", "variants"), "")
    tables = document.get("variants")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        tables = []
        if "variants" in document:
            faults.append("'variants' must be one or more [[variants]] tables")
    if len(tables) > MAX_VARIANTS:
        faults.append(f"it has {len(tables):,} variants, more than {MAX_VARIANTS}")
    for number, table in enumerate(tables, start=1):
        needed = ("name",) if "messages" in table else ("name", *_TEXTS)
        faults += faults_of_keys(table, _VARIANT_KEYS, needed, f"variant {number}: ")
        if "messages" in table and any(key in table for key in (*_TEXTS, "shots")):
            faults.append(f"variant {number}: 'messages' stands in the place of prompt, completion and shots")
    faults += _repeated(table.get("name") for table in tables)
    if faults:
        raise BadInput(f"{origin}: " + told(faults), "see a good one with `workbench template show`")
    variants = tuple(Variant(**table) for table in tables)
    choices = document.get("choices", ())
    return Template(
        **{
            **document,
            "name": check_name(document["name"]),
            "variants": variants,
            "choices": choices if isinstance(choices, str) else tuple(choices),
        }
    )


def _choices_fault(value: Any) -> str | None:
    if isinstance(value, str) and value:
        return None
    if isinstance(value, list) and value and all(isinstance(each, str) and each.strip() for each in value):
        return None if len(set(value)) == len(value) else "lists an answer twice"
    return "must be a list of answers, or the name of the column that holds one"


def _shots_fault(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SHOTS:
        return None
    return f"must be a whole number from 0 to {MAX_SHOTS}"


def _loss_fault(value: Any) -> str | None:
    return None if value in get_args(Loss) else f"must be one of {', '.join(get_args(Loss))}"


_TEXTS = ("prompt", "completion")
_TEMPLATE_KEYS: dict[str, Fault] = {
    "name": text_fault,
    "task": text_fault,
    "system": text_fault,
    "choices": _choices_fault,
    "separator": text_fault,
    "loss": _loss_fault,
    "variants": lambda _: None,  # looked at one by one
}
_VARIANT_KEYS: dict[str, Fault] = {
    "name": text_fault,
    "prompt": text_fault,
    "completion": text_fault,
    "shots": _shots_fault,
    "messages": text_fault,
}


def _repeated(names: Any) -> list[str]:
    seen: list[Any] = []
    faults = []
    for name in names:
        if name is not None and name in seen:
            faults.append(f"two variants are named {name!r}")
        seen.append(name)
    return faults


class Templates(Texts[Template]):
    """The templates of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        super().__init__(root, db, Form("template", parse_template, format_template, _columns))


def _columns(template: Template) -> dict[str, Any]:
    return {"task": template.task, "variants": len(template.variants)}
