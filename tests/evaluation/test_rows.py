"""Rows of predictions: what is wrong with them is told by number."""

from __future__ import annotations

from typing import Any

import pytest

from store.errors import BadInput
from workbench.evaluation.report import score_rows
from workbench.evaluation.rows import read_lines

GOOD = {"prediction": "a", "reference": "a"}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({}, "row 2 has no 'prediction' (its keys: none)"),
        ({"reference": "a"}, "row 2 has no 'prediction' (its keys: reference)"),
        ({"prediction": "a", "target": "b"}, "row 2 has no 'reference' (its keys: prediction, target)"),
        ({"prediction": None, "reference": "a"}, "row 2 has null as 'prediction', not a text"),
        ({"prediction": "a", "reference": 3}, "row 2 has a number as 'reference', not a text"),
        ({"prediction": "a", "references": "a"}, "row 2 has a text as 'references', not a list of texts"),
        ({"prediction": "a", "references": []}, "row 2 has an empty list of 'references'"),
        (
            {"prediction": "a", "references": ["a", {}]},
            "row 2 has an object among its 'references', not a text",
        ),
        ({**GOOD, "references": ["a"]}, "row 2 has both 'reference' and 'references'"),
        (["a", "b"], "row 2 is a list, not an object"),
    ],
)
def test_a_row_of_another_shape_is_told_by_its_number(row: Any, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        score_rows([GOOD, row])
    assert caught.value.what == told
    assert caught.value.remedy.startswith('write each row as {"prediction": text, "reference": text}')


def test_all_faults_are_counted_and_the_first_ones_told() -> None:
    with pytest.raises(BadInput) as caught:
        score_rows([GOOD, *({"prediction": "a"} for _ in range(5))])
    assert caught.value.what.count("has no 'reference'") == 3
    assert caught.value.what.endswith("; and 2 more")


def test_no_rows_is_told() -> None:
    with pytest.raises(BadInput, match="there are no rows to score; give rows like"):
        score_rows([])


def test_lines_are_read_and_blank_ones_passed_over() -> None:
    assert list(read_lines(['{"prediction": "a", "reference": "b", "source": "c"}\n', "\n", "  "])) == [
        {"prediction": "a", "reference": "b", "source": "c"}
    ]


def test_a_broken_line_is_told_by_its_number_in_the_file() -> None:
    with pytest.raises(BadInput) as caught:
        list(read_lines(["", '{"prediction": ', '{"prediction": "a"}', "[" * 100_000]))
    told = caught.value.what.split("; ")
    assert told[0].startswith("line 2 is not JSON (Expecting value")
    assert told[1] == "line 3 has no 'reference' (its keys: prediction)"
    assert told[2].startswith("line 4 is")
