"""Reports of scores as files, and a comparison as one document; of files and of evaluations alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from store.errors import BadInput
from store.files import write_atomic
from workbench.cli.output import cell, jsonable, note
from workbench.cli.score_text import Names
from workbench.evaluation.comparison import Comparison, Runs
from workbench.evaluation.page import Page, html, markdown
from workbench.evaluation.pages import Poorest

WRITERS = {".html": html, ".htm": html, ".md": markdown}


def check(path: Path | None) -> None:
    """Refuse a report's file by its name, before anything is computed.

    Raises:
        BadInput: It ends in nothing that a report can be.
    """
    if path is not None and path.suffix.lower() not in (*WRITERS, ".json"):
        raise BadInput(f"no report ends in {path.suffix!r}", "name a file that ends in .html, .md or .json")


def write(path: Path, page: Page, document: Any) -> None:
    """Write a report: the page, or the document where the file ends in .json."""
    writer = WRITERS.get(path.suffix.lower())
    text = writer(page) if writer else json.dumps(jsonable(document), indent=1, allow_nan=False) + "\n"
    write_atomic(path, text)
    note(f"wrote {cell(path)}")


def shown(poorest: Poorest) -> list[dict[str, Any]]:
    """The rows that a report on one system shows, with their scores."""
    return [
        {"row": number, "prediction": row.prediction, "references": row.references, **document}
        for number, row, document in poorest.rows()
    ]


def deciding(found: Comparison) -> set[int]:
    """The numbers of the rows that decide any of the scores."""
    return {each.row for compared in found.scores.values() for each in compared.deciding}


def comparison(names: Names, found: Comparison, rows: Mapping[int, tuple[Runs, Runs]]) -> dict[str, Any]:
    """Make the document of a comparison, with the texts of the rows that decide."""
    texts = {
        str(number): {
            "references": baseline[0].references,
            "baseline": [row.prediction for row in baseline],
            "system": [row.prediction for row in system],
        }
        for number, (baseline, system) in rows.items()
    }
    told = {"baseline": names[0], "system": names[1], "deciding_rows": texts}
    document: dict[str, Any] = jsonable(found) | jsonable(told)
    return document
