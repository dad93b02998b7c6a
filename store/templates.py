"""Instruction templates: TOML in and out, and their place in the store; rendering is composing's affair.

The file `templates/<name>.toml` is the truth, whatever editor wrote it; the catalog says that it was added.
"""

from __future__ import annotations

import builtins
import hashlib
import time
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from store.db import write
from store.entries import drop
from store.errors import BadInput, Conflict, StoreError, near, not_found
from store.files import check_name, inside, private_folder, shown, write_atomic

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_BYTES = 1024 * 1024
TEMPLATE_KEYS = ("name", "task", "system", "variants")
VARIANT_KEYS = ("name", "prompt", "completion")


@dataclass(frozen=True)
class Variant:
    """One phrasing of a task: a prompt and a completion in Jinja2 over the dataset's columns."""

    name: str
    prompt: str
    completion: str


@dataclass(frozen=True)
class Template:
    """Several phrasings of one task, FLAN style, with an optional system text before the prompt."""

    name: str
    task: str
    variants: tuple[Variant, ...]
    system: str | None = None

    @property
    def hash(self) -> str:
        """The sha256 of the template's canonical text: equal templates have equal hashes, however written."""
        return hashlib.sha256(format_template(self).encode()).hexdigest()


def format_template(template: Template) -> str:
    """Return a template as TOML, with multi-line strings where there are line breaks."""
    document = {"name": template.name, "task": template.task}
    if template.system is not None:
        document["system"] = template.system
    variants = [asdict(variant) for variant in template.variants]
    texts = [text for table in (document, *variants) for text in table.values()]
    # TOML reads \r\n in a multi-line string as \n, so such texts are written with escapes.
    return tomli_w.dumps(
        {**document, "variants": variants}, multiline_strings=not any("\r" in text for text in texts)
    )


def parse_template(text: str, origin: str) -> Template:
    """Read a template from TOML.

    Args:
        text: the TOML text.
        origin: what to call it in errors, such as the file's name.
    Raises:
        BadInput: all faults at once: syntax with line and column; keys missing, unknown or of a wrong type.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{origin}: {error}", 'mend the TOML; multi-line texts stand between """') from error
    faults = _faults_of_keys(document, TEMPLATE_KEYS, ("name", "task", "variants"), "")
    tables = document.get("variants")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        tables = []
        if "variants" in document:
            faults.append("'variants' must be one or more [[variants]] tables")
    for number, table in enumerate(tables, start=1):
        faults += _faults_of_keys(table, VARIANT_KEYS, VARIANT_KEYS, f"variant {number}: ")
    faults += _repeated(table.get("name") for table in tables)
    if faults:
        raise BadInput(f"{origin}: " + "; ".join(faults), "see a good one with `workbench template show`")
    variants = tuple(Variant(**table) for table in tables)
    return Template(check_name(document["name"]), document["task"], variants, document.get("system"))


def _faults_of_keys(
    table: Mapping[str, Any], known: tuple[str, ...], needed: tuple[str, ...], where: str
) -> list[str]:
    faults = [f"{where}{key!r} is missing" for key in needed if key not in table]
    for key, value in table.items():
        if key not in known:
            nearest = near(key, known) or ", ".join(known)
            faults.append(f"{where}unknown key {key!r}, did you mean {nearest}?")
        elif key != "variants" and not isinstance(value, str):
            faults.append(f"{where}{key!r} must be a text, not {type(value).__name__}")
    return faults


def _repeated(names: Any) -> list[str]:
    seen: list[Any] = []
    faults = []
    for name in names:
        if name is not None and name in seen:
            faults.append(f"two variants are named {name!r}")
        seen.append(name)
    return faults


class Templates:
    """The templates of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def add(self, file: Path, *, name: str | None = None) -> Template:
        """Copy a template's file into the store, as written, and enter it in the catalog.

        Args:
            file: a TOML file.
            name: another name than the one in the file.
        Raises:
            BadInput: the file is no valid template.
            Conflict: the name is taken.
        """
        text = _read(Path(file).expanduser())
        template = parse_template(text, str(file))
        if name is not None and name != template.name:
            template = replace(template, name=check_name(name))
            text = format_template(template)
        path = self.path(template.name)
        with write(self._db):
            if path.exists():
                raise Conflict(
                    f"there is a template {template.name!r} already",
                    f"choose another --name, edit {path}, or `workbench template remove {template.name}`",
                )
            private_folder(path.parent)
            write_atomic(path, text)
            self._db.table("templates").upsert(_row(template, file), pk="name")
        return template

    def get(self, name: str) -> Template:
        """Return a template as its file says now.

        Raises:
            NotFound: there is none.
            BadInput: its file was edited and is not valid any more.
        """
        return replace(parse_template(self.text(name), str(self.path(name))), name=name)

    def text(self, name: str) -> str:
        """Return the text of a template's file.

        Raises:
            NotFound: there is none.
        """
        path = self.path(name)
        if not path.is_file():
            raise not_found("template", name, self.names())
        return _read(path)

    def path(self, name: str) -> Path:
        """Return where a template's file is, for an editor."""
        return inside(self._root, "templates", f"{check_name(name)}.toml")

    def names(self) -> builtins.list[str]:
        """Return the names of all template files, valid or not."""
        return sorted(path.stem for path in (self._root / "templates").glob("[!.]*.toml"))

    def list(self) -> builtins.list[Template]:
        """Return all templates whose files are valid; `faults` tells of the others."""
        found = {name: self._try(name) for name in self.names()}
        return [template for template in found.values() if isinstance(template, Template)]

    def faults(self) -> dict[str, StoreError]:
        """Return what is wrong with the template files that are not valid, by name."""
        found = {name: self._try(name) for name in self.names()}
        return {name: fault for name, fault in found.items() if isinstance(fault, StoreError)}

    def remove(self, name: str) -> None:
        """Remove a template.

        Raises:
            NotFound: there is none.
            Conflict: a run that is queued or going on needs it.
        """
        path = self.path(name)
        if not path.exists():
            raise not_found("template", name, self.names())
        drop(self._db, "template", name, path, self._root)

    def _try(self, name: str) -> Template | StoreError:
        try:
            return self.get(name)
        except StoreError as error:
            return error


def _row(template: Template, file: Path) -> dict[str, Any]:
    return {
        "name": template.name,
        "task": template.task,
        "variants": len(template.variants),
        "hash": template.hash,
        "source": shown(Path(file).absolute()),
        "created": time.time(),
    }


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} is larger than 1 MiB", "a template is a small TOML file")
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: byte {error.start} is not UTF-8", "save the file as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", "name a TOML file") from error
