"""Hostile templates by the hundred: each ends soon, in little memory, in a plain error or a harmless text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from store.errors import BadInput
from store.templates import Template, Variant, parse_template
from store.texts import MAX_BYTES
from workbench.composing.library import entry
from workbench.composing.sandbox import Sandbox
from workbench.composing.template import check, columns, render

SECONDS = 2.0
MEBIBYTES = 300
LEAST = 500
STALLED_SECONDS = 120
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def endings() -> list[dict[str, Any]]:
    """How each hostile template ended, in one process of its own; the one that hangs is named."""
    command = [sys.executable, str(Path(__file__).with_name("hostile.py"))]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    killer = threading.Timer(STALLED_SECONDS, child.kill)
    killer.start()
    begun, found = "", []
    try:
        for line in child.stdout or ():
            told = json.loads(line)
            if "begun" in told:
                begun = told["begun"]
            else:
                found.append(told)
    finally:
        killer.cancel()
        child.kill()
    assert child.wait() in (0, -9), f"the process died of {begun}"
    assert found and found[-1]["name"] == begun, f"never ended: {begun}"
    return found


def test_there_are_hundreds_of_them(endings: list[dict[str, Any]]) -> None:
    assert len(endings) >= LEAST
    assert len({ending["name"] for ending in endings}) == len(endings)


def test_each_ends_in_a_plain_error_or_a_bounded_text(endings: list[dict[str, Any]]) -> None:
    assert [ending for ending in endings if "raised" in ending] == []
    assert all(len(ending["told"]) < 1000 for ending in endings if "told" in ending)
    assert all(ending["length"] <= 1_000_000 for ending in endings if "length" in ending)


def test_each_ends_within_two_seconds(endings: list[dict[str, Any]]) -> None:
    assert [ending for ending in endings if ending["seconds"] >= SECONDS] == []


def test_each_takes_little_memory(endings: list[dict[str, Any]]) -> None:
    assert [ending for ending in endings if ending["grown"] >= MEBIBYTES] == []


def test_none_reaches_pythons_insides(endings: list[dict[str, Any]]) -> None:
    """An escape that ends without an error gives text about what is not there, never a class or module."""
    reached = [e for e in endings if e["name"].startswith("escape") and "length" in e and e["length"] > 120]
    assert reached == []


@pytest.mark.parametrize(
    "text",
    [
        "choices=" + "[" * 90_000 + "]" * 90_000,
        "name=" + "{a=" * 80_000,
        "shots = " + "9" * 200_000,
        "a" + ".a" * 8000 + " = 1",
        '"a"' + ' . "a"' * 8000 + " = 1",
        "x={" + "a." * 8000 + "a=1}",
        "\n".join(f"[a{'.b' * number}]" for number in range(1, 500)),
        "[[variants]]\n" * 20_000,
        "\n".join(f"k{number} = 1" for number in range(20_000)),
        "k" * 200_000 + " = 1",
        'name = "' + "\\u0041" * 40_000 + '"',
        'name = "\\ud800"',
        "name = 9999-99-99",
        "name = 1e" + "9" * 100_000,
        "name = 'a\0b'",
        "a = 1 # " + "." * 200_000,
        'name = "a"\ntask = "b"\n' + '[[variants]]\nname = "v"\nprompt = "a"\ncompletion = "b"\n' * 4000,
        "x" * (MAX_BYTES + 1),
    ],
    ids=lambda text: text[:30],
)
def test_hostile_toml_ends_in_one_short_error(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_template(text, "the file")
    assert len(str(caught.value)) < 4000


def test_long_texts_with_many_full_stops_are_no_long_keys() -> None:
    prose = "See fig. 1.2.3. of the U.S. report ... " * 2000
    text = f'name = "a"\ntask = "b"\n[[variants]]\nname = "v"\nprompt = """{prose}"""\ncompletion = "b"\n'
    assert parse_template(text, "the file").variants[0].prompt == prose


ROW = {
    "text": "one, two,three  four\nfive\r\nsix",
    "word": "two",
    "items": ["a", "b", "c"],
    "n": 3,
    "none": None,
}


@pytest.mark.parametrize(
    "expression",
    [
        "text.split()",
        "text.split(',')",
        "text.split(',', 1)",
        "text.split(sep=',', maxsplit=1)",
        "text.rsplit(' ', 1)",
        "text.splitlines()",
        "text.splitlines(true)",
        "text.partition(', ')",
        "text.find(word)",
        "text.rfind('e')",
        "text.strip('onex')",
        "text.replace('o', '0', 1)",
        "', '.join(items)",
        "text[1:]",
        "text[:-3]",
        "text[::-2]",
        "items[1:][0]",
        "items[n - 2:n]",
        "items[none:]",
        "word in text",
        "word not in text",
        "'b' in items",
        "not 'z' in items",
        "'b' in items and n in [1, 2, 3]",
        "n == 3 != 4",
        "1 < n <= 3",
        "n - 1 - 1",
        "n / 2",
        "n // 2",
        "-n % 5",
        "2 ** n",
        "(n + 0.5) * 2",
        "items + ['d']",
    ],
)
def test_what_is_counted_means_what_it_means_in_python(expression: str) -> None:
    names = ROW | {"true": True, "none": None}
    expected = eval(expression, {"__builtins__": {}}, names)  # noqa: S307 - the expressions stand above
    assert render(Variant("v", "{{ " + expression + " }}", "x"), ROW).prompt == str(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ items | list }}{{ 'ab' | list }}", "['a', 'b', 'c']['a', 'b']"),
        ("{{ [3, 1, 2] | sort }}{{ 'bca' | sort | join }}", "[1, 2, 3]abc"),
        ("{{ [1, 2.5] | sum }}{{ [{'n': 1}, {'n': 2}] | sum(attribute='n') }}", "3.53"),
        ("{{ '12' | int }}{{ 'x' | int(7) }}{{ 'ff' | int(base=16) }}{{ 2.9 | int }}", "1272552"),
        ("{{ ' x ' | trim }}{{ '--x-' | trim('-') }}", "xx"),
        ("{{ items | select('in', ['a', 'z']) | list }}{{ 'b' is in items }}", "['a']True"),
        ("{{ ['a', 'b', 'a'] | unique | list }}{{ items | max }}{{ items | min }}", "['a', 'b']ca"),
        ("{% set s %}<{{ word }}>{% for i in items %}{{ i }}{% endfor %}{% endset %}{{ s }}", "<two>abc"),
        ("{% filter upper %}x{{ word }}{% endfilter %}", "xtwo".upper()),
        ("{% set s | upper %}{{ none }}{{ word }}{% endset %}{{ s }}", "TWO"),
    ],
)  # fmt: skip
def test_filters_and_blocks_that_are_counted_work(source: str, expected: str) -> None:
    assert render(Variant("v", source, "x"), ROW).prompt == expected


def test_what_is_compared_with_in_is_still_a_column() -> None:
    variant = Variant("v", "{% if word in text[start:] %}{{ text }}{% endif %}", "x")
    assert columns(variant) == {"word", "text", "start"}
    with pytest.raises(BadInput, match="'start' is not there"):
        check(Template("t", "a task", (variant,)), ["word", "text"])


@pytest.mark.parametrize(
    "source", ["{% if missing in text %}a{% endif %}", "{{ missing[1:] }}", "{{ text[missing:] }}"]
)
def test_a_column_that_is_not_there_is_told(source: str) -> None:
    with pytest.raises(BadInput, match="missing"):
        render(Variant("v", source, "x"), ROW)


def test_nothing_is_worked_out_when_a_template_is_compiled() -> None:
    environment = Sandbox()
    assert "aaaa" not in environment.compile("{{ 'a' | replace('a', 'aa' ~ 'aa') }}", raw=True)


def test_a_long_document_can_be_taken_apart_into_words() -> None:
    row = {"text": "some words of a long document " * 30_000}
    prompt = "{{ text.split() | length }}"
    assert render(Variant("v", prompt, "{{ text.split()[:9] | join }}"), row).prompt == "180000"
    template = entry("text-completion")[1]
    for variant in template.variants:
        example = render(variant, row, separator=template.separator)
        whole = example.prompt.removeprefix("Continue: ") + " " + example.completion
        assert whole.split() == row["text"].split()
