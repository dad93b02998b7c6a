"""What the Compose screen can show, read from the store: templates, splits and models, and what fits what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from store.errors import StoreError, Unavailable
from workbench.composing import template as composing
from workbench.composing.requests import row_length
from workbench.tui.present.compose import Subject

if TYPE_CHECKING:
    from store import Store
    from store.models import Model
    from store.templates import Template


@dataclass(frozen=True)
class Source:
    """A split that rows can be taken from."""

    dataset: str
    split: str
    rows: int
    columns: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class Shelf:
    """What there is to compose with."""

    templates: Mapping[str, Template] = field(default_factory=dict)
    faults: Mapping[str, StoreError] = field(default_factory=dict)
    """What is wrong with the template files that are not valid now, by name."""
    fitting: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The datasets that have the columns of a template, by its name."""
    sources: tuple[Source, ...] = ()
    models: tuple[Model, ...] = ()

    def source(self, on: Subject) -> Source | None:
        """The split that a subject's rows are of."""
        return next(
            (each for each in self.sources if (each.dataset, each.split) == (on.dataset, on.split)), None
        )

    def length(self, on: Subject) -> int:
        """Where the subject's rows are cut off."""
        model = next((each for each in self.models if each.name == on.model), None)
        return row_length(model, on.max_length) if model is not None else 0

    def complete(self, wanted: Subject) -> Subject:
        """Fill in what is not chosen or not there any more, and keep the row within what there is."""
        found = wanted
        if self.source(found) is None:
            source = self._fitting(found.template)
            found = replace(found, row=0, rows=0, dataset="", split="")
            if source is not None:
                found = replace(found, dataset=source.dataset, split=source.split)
        names = [model.name for model in self.models]
        if found.model not in names:
            found = replace(found, model=names[0] if names else "")
        source = self.source(found)
        rows = source.rows if source is not None else 0
        return replace(found, rows=rows, row=max(0, min(found.row, rows - 1)))

    def fits(self, template: str, dataset: str) -> bool:
        """Whether a template reads only columns that a dataset has."""
        return dataset in self.fitting.get(template, ())

    def _fitting(self, name: str) -> Source | None:
        """The first split that has the columns of a template, else the first of all."""
        matching = (each for each in self.sources if self.fits(name, each.dataset))
        return next(matching, next(iter(self.sources), None))


class ShelfReader:
    """Reads the shelf again and again; only template files that have changed are looked into."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], Template | StoreError] = {}

    def read(self, store: Store) -> Shelf:
        """What there is to compose with now."""
        found = {name: self._template(store, name) for name in store.templates.names()}
        good = {name: each for name, each in found.items() if not isinstance(each, StoreError)}
        datasets = store.datasets.list()
        sources = [
            Source(dataset.name, split, rows, dataset.columns, dataset.fingerprint)
            for dataset in datasets
            for split, rows in dataset.splits.items()
            if rows
        ]
        fitting = {
            name: frozenset(each.name for each in datasets if fits(template, each.columns))
            for name, template in good.items()
        }
        faults = {name: each for name, each in found.items() if isinstance(each, StoreError)}
        return Shelf(good, faults, fitting, tuple(sources), tuple(store.models.list()))

    def _template(self, store: Store, name: str) -> Template | StoreError:
        try:
            state = store.templates.path(name).stat()
            key = (name, state.st_mtime_ns, state.st_size)
            if key not in self._known:
                self._known = {known: each for known, each in self._known.items() if known[0] != name}
                self._known[key] = _read(store, name)
            return self._known[key]
        except OSError as error:
            return Unavailable(f"{name}.toml: {error.strerror}", "look at its file")
        except StoreError as error:
            return error


def _read(store: Store, name: str) -> Template | StoreError:
    try:
        return store.templates.get(name)
    except StoreError as error:
        return error


def fits(template: Template, columns: Collection[str]) -> bool:
    """Whether a template reads only columns that there are."""
    try:
        composing.check(template, columns)
    except StoreError:
        return False
    return True
