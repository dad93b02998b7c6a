"""Rows of files in every format: what is read, what is told of a bad line, and where a row begins."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from store import BadInput
from store.lines import Item
from store.rows import detect, examine, items, read

ROWS = [
    {"id": 1, "text": "a plain row", "parts": ["x", {"y": None}]},
    {"id": 2, "text": 'line\nbreak, "quote" and a \u2028 separator', "parts": []},
    {"id": 3, "text": "Ärger 漢字 🍎 \x85 \x0b", "parts": None},
]
TABLE = [["name", "text"], ["a", "one, two"], ["b", 'with "quotes"\nand lines\r\nof both kinds'], ["c", ""]]


def save(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def scan(path: Path) -> list[Item]:
    return [item for layout in examine(path, detect(path)) for item in items(path, layout)]


def faults(path: Path) -> list[tuple[int, str]]:
    return [(item.line, item.reason) for item in scan(path) if item.row is None]


def good(path: Path) -> list[dict[str, Any]]:
    return [item.row for item in scan(path) if item.row is not None]


def json_lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_json_lines_come_back_as_written(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jsonl", json_lines(ROWS))
    assert list(read(path)) == ROWS


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n  \n"])
def test_json_lines_may_have_any_line_ending_and_a_byte_order_mark(
    tmp_path: Path, ending: str, mark: str, last: str
) -> None:
    text = mark + ending.join(json.dumps(row) for row in ROWS) + last
    assert good(save(tmp_path / "a.jsonl", text)) == ROWS
    assert faults(tmp_path / "a.jsonl") == []


def test_json_of_any_shape_comes_back_as_written(tmp_path: Path) -> None:
    shapes = {
        "array": ROWS,
        "indented": ROWS,
        "data": {"version": 1.5, "words": ["no", "rows"], "nested": {"a": [{"b": 1}]}, "data": ROWS},
    }
    for name, document in shapes.items():
        text = json.dumps(document, indent=2 if name == "indented" else None, ensure_ascii=False)
        path = save(tmp_path / f"{name}.json", text)
        assert good(path) == ROWS, name


def test_a_json_document_may_hold_its_splits(tmp_path: Path) -> None:
    document = {"license": "MIT", "train": ROWS, "test": ROWS[:1], "empty": []}
    layouts = examine(save(tmp_path / "a.json", "\ufeff" + json.dumps(document)), "json")
    assert [layout.key for layout in layouts] == ["train", "test"]
    assert [len(list(items(tmp_path / "a.json", layout))) for layout in layouts] == [3, 1]


def test_json_lines_in_a_json_file_are_seen(tmp_path: Path) -> None:
    assert detect(save(tmp_path / "a.json", json_lines(ROWS))) == "jsonl"
    assert good(tmp_path / "a.json") == ROWS
    assert detect(save(tmp_path / "b.json", json_lines(ROWS[:1]))) == "json"


def test_csv_comes_back_as_written(tmp_path: Path) -> None:
    for name, dialect in (("a.csv", "excel"), ("a.tsv", "excel-tab"), ("unix.csv", "unix")):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file, dialect).writerows(TABLE)
        assert good(tmp_path / name) == [dict(zip(TABLE[0], row, strict=True)) for row in TABLE[1:]], name
        assert faults(tmp_path / name) == [], name


def test_csv_divided_by_semicolons_is_seen(tmp_path: Path) -> None:
    assert good(save(tmp_path / "a.csv", "\ufeffx;y\n1,5;2\n")) == [{"x": "1,5", "y": "2"}]


def test_a_column_without_a_name_gets_one(tmp_path: Path) -> None:
    assert good(save(tmp_path / "a.csv", ",text\n0,a\n")) == [{"column_1": "0", "text": "a"}]


def test_tsv_without_quoting_keeps_its_quotes(tmp_path: Path) -> None:
    text = 'size\tlabel\n5" pipe\t1\n"open\t0\n"all" of it\t1\n'
    assert [row["size"] for row in good(save(tmp_path / "a.tsv", text))] == [
        '5" pipe',
        '"open',
        '"all" of it',
    ]


def test_text_has_one_row_for_each_line(tmp_path: Path) -> None:
    path = save(tmp_path / "a.txt", "one\n\nthree \u2028 still three\r\nlast")
    assert [row["text"] for row in good(path)] == ["one", "", "three \u2028 still three", "last"]


def test_parquet_comes_back_in_plain_values(tmp_path: Path) -> None:
    import datetime
    import decimal

    table = pyarrow.table(
        {
            "n": [1, None],
            "x": [math.nan, 0.5],
            "when": [datetime.datetime(2020, 1, 2, 3), None],
            "price": [decimal.Decimal("1.50"), None],
            "raw": ["Ä".encode(), b"\xff\x00"],
            "chat": [[{"role": "user", "content": "hi"}], []],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert good(tmp_path / "a.parquet") == [
        {
            "n": 1,
            "x": None,
            "when": "2020-01-02T03:00:00",
            "price": "1.50",
            "raw": "Ä",
            "chat": [{"role": "user", "content": "hi"}],
        },
        {"n": None, "x": 0.5, "when": None, "price": None, "raw": "/wA=", "chat": []},
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1,}', "invalid JSON at column 9: Expecting property name enclosed in double quotes"),
        ('{"a": 1', "invalid JSON at column 8: Expecting ',' delimiter"),
        ('{"a": "x', "invalid JSON at column 7: Unterminated string starting at"),
        ("hello", "invalid JSON at column 1: Expecting value"),
        ('{"a": 1} {"a": 2}', "invalid JSON at column 9: more after the object"),
        ("[1, 2]", "an array, not an object"),
        ('"text"', "a string, not an object"),
        ("12", "a number, not an object"),
        ("null", "null, not an object"),
        ('{"a": NaN}', "NaN is not JSON, use null"),
        ('{"a": -Infinity}', "-Infinity is not JSON, use null"),
        ('{"a": 1e999}', "the number 1e999 is too large"),
        ('{"a": ' + "9" * 5000 + "}", "a number of 5000 digits is too long"),
        ('{"a": "\\ud83c"}', "half a character (\\ud83c without its other half)"),
        ('{"\\udf4e": 1}', "half a character (\\udf4e without its other half)"),
        ('{"a": "x\\u0000y"}', "a NUL character"),
        ('{"a": "x\0y"}', "invalid JSON at column 9: Invalid control character at"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", "nested deeper than 64 levels"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested deeper than 64 levels"),
        (b'{"a": "\xff"}', "byte 0xff at position 8 is not UTF-8"),
    ],
    ids=range(20),
)
def test_a_bad_line_of_json_is_told_by_number_and_reason(
    tmp_path: Path, line: str | bytes, reason: str
) -> None:
    raw = line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
    path = save(tmp_path / "a.jsonl", b'{"a": 0}\n' + raw + b'\n{"a": 2}\n')
    assert faults(path) == [(2, reason)]
    assert good(path) == [{"a": 0}, {"a": 2}]


def test_escapes_that_only_look_bad_are_good(tmp_path: Path) -> None:
    rows = [{"a": "\\ud800"}, {"a": "\\u0000"}, {"a": "🍎"}]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert "\\ud83c\\udf4e" in text
    assert good(save(tmp_path / "a.jsonl", text)) == rows


@pytest.mark.parametrize(
    ("element", "reason"),
    [("7", "a number, not an object"), ('{"a": NaN}', "NaN is not JSON, use null")],
)
def test_a_bad_element_of_an_array_is_told_by_its_line(tmp_path: Path, element: str, reason: str) -> None:
    path = save(tmp_path / "a.json", '[\n{"a": 0},\n\n' + element + ',\n{"a": 2}\n]\n')
    assert faults(path) == [(4, reason)]
    assert good(path) == [{"a": 0}, {"a": 2}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"a": 1}, {"a": }]', "line 1: Expecting value"),
        ('[{"a": 1}\n{"a": 2}]', "line 2: expecting ',' or ']'"),
        ('[{"a": 1},\n]', "line 2: a comma before ']'"),
        ('[{"a": 1}', "line 1: expecting ',' or ']'"),
        ('[{"a": "never ended', "line 1: Unterminated string"),
        ('{"train": [{"a": 1}', "line 1: expecting ',' or ']'"),
        ("[" * 100_000, "nested deeper"),
        ('"text"', "no JSON array or object"),
        ('{"a": 1}', "no array of objects"),
        (b'[{"a": "\xff"}]', "is not UTF-8"),
    ],
    ids=range(10),
)
def test_a_broken_json_document_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, reason: str
) -> None:
    with pytest.raises(BadInput) as caught:
        scan(save(tmp_path / "a.json", text))
    assert reason in caught.value.what


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["x,y", "1,2,3", "5,6"], [(2, "3 cells where the header has 2")]),
        (["x,y", "1,2", "4", "5,6"], [(3, "1 cells where the header has 2")]),
        (["x,y", '"a"b,2', "3,4"], [(2, "',' expected after '\"'")]),
        (["x,y", "a\0b,2", "3,4"], [(2, "a NUL character")]),
        (["x,y", "1,2", '"never ended,3', "4,5"], [(3, "unexpected end of data")]),
        ([b"x,y", b"\xff,2", b"3,4"], [(2, "byte 0xff at position 1 is not UTF-8")]),
        (["x,y", '"two\nlines",2', "bad", "3,4"], [(4, "1 cells where the header has 2")]),
    ],
)  # fmt: skip
def test_a_bad_row_of_csv_is_told_by_the_line_where_it_begins(
    tmp_path: Path, lines: list[Any], expected: list[tuple[int, str]]
) -> None:
    raw = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n"
    assert faults(save(tmp_path / "a.csv", raw)) == expected


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.csv", b"\n\n", "has no header"),
        ("a.csv", b"x,y,x\n1,2,3\n", "the column 'x' twice"),
        ("a.csv", '﻿x,y\n'.encode("utf-16"), "UTF-16"),
        ("a.xyz", b"x", "format of a.xyz is not known"),
        ("a.jsonl.gz", b"x", "is compressed"),
        ("a.parquet", b"PAR1" + b"\0" * 100, "not a readable Parquet file"),
        ("a.parquet", b"no parquet at all", "not a readable Parquet file"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    with pytest.raises(BadInput) as caught:
        scan(save(tmp_path / name, content))
    assert what in caught.value.what
    assert caught.value.remedy and "\n" not in str(caught.value)


def test_cells_of_ten_megabytes_survive(tmp_path: Path) -> None:
    cell = 'ß, "big"\n' * 1_000_000
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["x", "y"], [cell, "1"], ["small", "2"]])
    save(tmp_path / "a.jsonl", json_lines([{"x": cell}, {"x": "small"}]))
    save(tmp_path / "a.json", json.dumps([{"x": cell}, {"x": "small"}]))
    for name in ("a.csv", "a.jsonl", "a.json"):
        assert [row["x"] for row in good(tmp_path / name)] == [cell, "small"], name


def test_a_line_without_end_is_cut_off_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"x": 0}\n{"x": "' + b"y" * (65 << 20) + b'"}\n{"x": 2}\n')
    assert faults(path) == [(2, "longer than 64 MiB")]
    assert good(path) == [{"x": 0}, {"x": 2}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "b.json", "a.csv", "a.tsv", "a.txt", "a.parquet"])
def test_reading_can_begin_at_any_row(tmp_path: Path, name: str) -> None:
    """The offsets are what the index of a dataset is made of."""
    texts = [f"row {n} " + 'Ä🍎\n"x"' * (n % 7) for n in range(700)]
    rows = [{"n": str(n), "text": text} for n, text in enumerate(texts)]
    path = tmp_path / name
    if name == "a.parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=100)
    elif name == "a.txt":
        save(path, "\n".join(text.replace("\n", " ") for text in texts))
    elif name.endswith("sv"):
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file, "excel-tab" if name == "a.tsv" else "excel")
            writer.writerows([["n", "text"], *(row.values() for row in rows)])
    else:
        document = {"a.json": json.dumps(rows, indent=1), "b.json": json.dumps({"x": 1, "data": rows})}
        save(path, document.get(name) or json_lines(rows))
    layout = examine(path, detect(path))[0]
    all_items = list(items(path, layout))
    assert len(all_items) == 700 and all(item.row is not None for item in all_items)
    for number in (0, 1, 255, 256, 699):
        again = next(iter(items(path, layout, all_items[number].offset)))
        assert again.row == all_items[number].row


def test_refuse_names_the_first_bad_line_and_skip_keeps_the_rest(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jsonl", '{"a": 1}\noops\n{"a": 3}\n')
    with pytest.raises(BadInput, match=r"a\.jsonl has 1 bad line: line 2: invalid JSON"):
        list(read(path))
    assert list(read(path, on_bad="skip")) == [{"a": 1}, {"a": 3}]


def test_real_files_are_read_whole(shared_data: Path) -> None:
    expected = {
        "commonsense-qa/dev_rand_split.jsonl": 1221,
        "self-instruct-seed/seed_tasks.jsonl": 175,
        "mts-dialog/MTS-Dialog-TrainingSet.csv": 1201,
        "superglue/BoolQ/train.jsonl": None,
        "bigbench/bbh/boolean_expressions.json": 250,
        "bigbench/date_understanding/task.json": None,
    }
    for name, count in expected.items():
        rows = list(read(shared_data / name))
        assert rows and (count is None or len(rows) == count), (name, len(rows))
