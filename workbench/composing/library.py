"""The library of templates that comes with the workbench: common tasks, each in several phrasings of our own.

They are files like a user's own, `library/<name>.toml`; each names at its top the columns that it reads.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from store.errors import not_found
from store.templates import Template, parse_template
from workbench.composing.renaming import renamed

FOLDER = Path(__file__).parent / "library"

_COLUMN = re.compile(r"^#   (\w+)  +(.+)$", re.MULTILINE)


@functools.cache
def names() -> tuple[str, ...]:
    """The names of the templates that there are; no file is read."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@functools.cache
def entry(name: str) -> tuple[str, Template]:
    """Return a template's text, with its comments, and what it says.

    Raises:
        NotFound: The library has none of that name.
    """
    if name not in names():
        raise not_found("library template", name, names())
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return text, parse_template(text, f"the library's {name}")


def library() -> list[Template]:
    """Return all templates, sorted by name: reads some thirty small files when first asked."""
    return [entry(name)[1] for name in names()]


def columns_of(name: str) -> dict[str, str]:
    """Return the columns that a template reads, and what each must hold.

    Raises:
        NotFound: The library has none of that name.
    """
    return dict(_COLUMN.findall(entry(name)[0]))


def fitted(name: str, mapping: Mapping[str, str]) -> str:
    """Return a template's text for a dataset whose columns have other names.

    Args:
        name: The template's name in the library.
        mapping: Column of the template -> column of the dataset, or an `Expression` over several; those that
            are left out keep their names.

    Raises:
        NotFound: The library has none of that name.
    """
    return renamed(entry(name)[0], mapping)
