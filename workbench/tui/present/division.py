"""The form of a division into splits: what is asked, what would come of it, what became of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.runs.fields import FieldInfo
from workbench.tui.clean import clean
from workbench.tui.present.cells import number_of

if TYPE_CHECKING:
    from store.datasets import Dataset, Division

NEW_SPLITS = ("test", "validation")
FIRST_SHARE = 0.1
WHOLE_ROW = "all columns"


@dataclass(frozen=True)
class Request:
    """A division as the user asks for it.

    Args:
        source: The split to divide.
        shares: Of its rows, by new split.
        seed: Another one makes another division.
        by: Rows that are equal in these columns stay together; in all where there are none.
    """

    source: str
    shares: dict[str, float]
    seed: int
    by: tuple[str, ...]


def why_not(dataset: Dataset) -> str | None:
    """Why a dataset cannot be divided; None when it can."""
    if not _free(dataset):
        return "it has a test and a validation split already; {key:datasets.unsplit} takes a division back"
    return None


def _free(dataset: Dataset) -> list[str]:
    return [name for name in NEW_SPLITS if name not in dataset.splits]


def fields(dataset: Dataset, split: str) -> list[FieldInfo]:
    """The fields of the form, for a division of the split that is shown."""
    shares = [
        FieldInfo(
            name=name,
            type=float,
            optional=False,
            default=FIRST_SHARE if index == 0 else 0.0,
            help=f"The share of rows that {name} gets; 0 makes no such split",
            unit=None,
            low=0.0,
            above=None,
            high=0.9,
            choices=None,
            group="",
        )
        for index, name in enumerate(_free(dataset))
    ]
    seed = FieldInfo(
        "seed", int, False, 0, "Another number, another division", None, 0, None, 2**31 - 1, None, ""
    )
    together = "Rows with the same value here stay on one side, so that nothing leaks"
    return [
        *shares,
        _choice("from", [split, *(name for name in dataset.splits if name != split)], "The split to divide"),
        _choice("together", [WHOLE_ROW, *dataset.columns], together),
        seed,
    ]


def _choice(name: str, options: Sequence[str], help_text: str) -> FieldInfo:
    return FieldInfo(name, str, False, options[0], help_text, None, None, None, None, tuple(options), "")


def request(values: Mapping[str, Any]) -> Request:
    """The division that a filled form asks for."""
    by = values["together"]
    return Request(
        source=values["from"],
        shares={name: values[name] for name in NEW_SPLITS if values.get(name)},
        seed=values["seed"],
        by=() if by == WHOLE_ROW else (by,),
    )


def problem(wanted: Request) -> str | None:
    """What is wrong with a division as a whole; None when nothing is."""
    if not wanted.shares:
        return "give test or validation a share above 0"
    if sum(wanted.shares.values()) >= 1:
        return "the shares leave nothing to the split that is divided"
    if wanted.source in wanted.shares:
        return f"{wanted.source} cannot be divided into itself"
    return None


def outlook(wanted: Request, rows: int) -> str:
    """About how many rows each side would have."""
    given = {name: max(1, round(share * rows)) for name, share in wanted.shares.items()}
    sides = {wanted.source: rows - sum(given.values()), **given}
    told = ", ".join(f"{clean(name, 40)} {count:,}" for name, count in sides.items())
    return f"about {told} rows; equal rows stay together"


def became(done: Division) -> str:
    """What a division came to."""
    sides = ", ".join(f"{clean(name, 40)} {count:,}" for name, count in done.dataset.splits.items())
    if not done.duplicates:
        return f"{sides}; no row was there twice"
    return f"{sides}; {number_of(done.duplicates, 'duplicate')} stayed with their equals"
