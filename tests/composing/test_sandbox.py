"""Hostile templates: each ends in one plain error, quickly and in little memory."""

from __future__ import annotations

import resource
import time

import pytest

from store.errors import BadInput
from store.templates import Variant
from workbench.composing.template import render

KIBIBYTES_PER_MEBIBYTE = 1024
BIG = "x" * 2_000_000
ROW = {"text": "some text", "n": 3, "items": ["a", "b"], "big": BIG, "meta": {"title": "t"}}

ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ ''['__class__'] }}",
    "{{ text | attr('__class__') }}",
    "{{ items | map(attribute='__class__') | first }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ range.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ '{0.__class__}'.format(text) }}",
    "{{ '{x.__class__}'.format_map({'x': text}) }}",
    "{{ ('{0.__class__}' | string).format(text) }}",
    "{% for item in items %}{{ loop.__class__ }}{% endfor %}",
    "{{ items.append('c') }}",
    "{{ meta.update({'title': 'u'}) }}",
    "{{ cycler.__init__ }}",
    "{{ lipsum.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'base' %}",
    "{{ n.bit_length() }}",
]

BOMBS = [
    "{{ 'a' * 10 ** 10 }}",
    "{{ 10 ** 10 * 'a' }}",
    "{{ [0] * 10 ** 10 }}",
    "{{ 9 ** (9 ** 9) }}",
    "{% set x = 9 ** 100 %}{% set x = x * x %}{% set x = x * x %}{% set x = x * x %}{{ x }}",
    "{{ range(10 ** 9) | list }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) if b > a %}{% endfor %}{% endfor %}",
    "{% for a in items %}{% for b in items %}{% for c in items %}{% for d in items %}{% endfor %}{% endfor %}"
    "{% endfor %}{% endfor %}",
    "{% for a in items recursive %}{{ loop(items) }}{% endfor %}",
    "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "{% set s = 'aa' %}" + "{% set s = s ~ s %}" * 40 + "{{ s }}",
    "{% set s = 'aa' %}" + "{% set s = s + s %}" * 40 + "{{ s }}",
    "{% set s = [1] %}" + "{% set s = s + s %}" * 40 + "{{ s }}",
    "{% set s = [1] %}" + "{% set s = [s, s] %}" * 40 + "{{ s }}",
    "{% set s = {'k': 1} %}" + "{% set s = {'a': s, 'b': s} %}" * 40 + "{{ s }}",
    "{% with s = [big, big] %}" + "{% with s = [s, s] %}" * 9 + "{{ s }}" + "{% endwith %}" * 10,
    "{% set ns = namespace(s=1) %}{% for i in range(99) %}{% set ns.s = [ns.s] * 2 %}{% endfor %}{{ ns.s }}",
    "{{ text.replace('', big).replace('', big) }}",
    "{{ text | replace('', big) | replace('', big) }}",
    "{{ (big[:999999] ~ '').join(big[:999999]) }}",
    "{{ big[:9999] | list | join(big[:9999]) }}",
    "{{ '%999999999d' % n }}",
    "{{ '{:>999999999}'.format(n) }}",
    "{{ text.ljust(10 ** 10) }}",
    "{{ text | center(10 ** 10) }}",
    "{{ text | indent(10 ** 10) }}",
    "{{ items | tojson(indent=10 ** 10) }}",
    "{{ items | batch(10 ** 10, 'x') | list }}",
    "{{ items | slice(10 ** 10) | list }}",
    "{{ 1.5 | round(10 ** 10, 'ceil') }}",
    "{{ [''] * 9999 | map('default', big, true) | map('upper') | list }}",
    "{{ ([''] * 9999) | map('default', big, true) | map('upper') | list | length }}",
    "{% for i in range(9999) %}{% if big | upper %}{% endif %}{% endfor %}",
    "{% for i in range(9999) %}{% if big.upper() %}{% endif %}{% endfor %}",
    "{% for i in range(9999) %}{% if big.count('y') %}{% endif %}{% endfor %}",
    "{{ big }}",
    "{{ [big] }}",
    "{% for i in range(9999) %}" + "y" * 1000 + "{% endfor %}",
    "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{{ " + " + ".join(["n"] * 5000) + " }}",
    "{% if n %}" * 500 + "{% endif %}" * 500,
    "{{ " + "9" * 5000 + " }}",
    "{{ text }}" * 9999,
]


@pytest.mark.parametrize("source", [*ESCAPES, *BOMBS], ids=lambda source: source[:60])
def test_a_hostile_template_ends_in_one_error_quickly_and_in_little_memory(source: str) -> None:
    started, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput) as caught:
        render(Variant("v", source, "x"), ROW)
    assert time.process_time() - started < 2.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 256 * KIBIBYTES_PER_MEBIBYTE
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}",
            "more than 20,000 times in all",
        ),
        ("{% for a in range(99999) %}{% endfor %}", "its range has more than 20,000 numbers"),
        ("{{ 'a' * 2000000 }}", "it makes a text of more than 1,000,000 characters"),
        ("{{ [0] * 200000 }}", "it makes a list or mapping of more than 100,000 values"),
        ("{{ 9 ** 9999 }}", "it works out a number of more than 1,024 bits"),
        ("{{ text }}" * 2500, "it has more than 2,000 parts"),
        ("x" * 200_000, "it has 200,000 characters, more than 100,000"),
        ("\n{% macro f() %}{% endmacro %}", "the statement 'macro' (line 2) is not for prompts"),
    ],
    ids=lambda value: value[:40],
)
def test_each_limit_says_what_it_is(source: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        render(Variant("v", source, "x"), ROW)
    assert told in caught.value.what


def test_namespaces_within_namespaces_are_not_written_out() -> None:
    nested = "{% for i in range(99) %}{% set ns.x = namespace(a=ns.x, b=[ns.x, ns]) %}{% endfor %}"
    source = "{% set ns = namespace(x=1) %}" + nested + "{{ ns }}{{ ns.x.b }}"
    assert render(Variant("v", source, "x"), ROW).prompt == "<namespace>[<namespace>, <namespace>]"


def test_the_sandbox_leaves_the_row_as_it_was() -> None:
    row = {"items": ["b", "a"]}
    render(Variant("v", "{{ items | sort | join }}{% set items = [] %}", "x"), row)
    assert row == {"items": ["b", "a"]}


def test_what_prompts_need_works() -> None:
    cases = {
        "{{ text.upper() }}{{ text | title }}": "SOME TEXTSome Text",
        "{{ ', '.join(items) }}|{{ items | join('; ') }}": "a, b|a; b",
        "{{ text.replace('some', 'no') }}|{{ text | replace('some', 'any') }}": "no text|any text",
        "{{ 'a,b'.split(',')[1] }}{{ text[:4] }}": "bsome",
        "{% for key, value in meta.items() %}{{ key }}={{ value }}{% endfor %}": "title=t",
        "{{ '-' * 10 }}{{ 2 ** 10 }}{{ 7 % 4 }}{{ n + 1 }}": "----------102434",
        "{{ 3.14159 | round(2) }} {{ items | length }} {{ [3, 1] | max }}": "3.14 2 3",
        "{% set ns = namespace(n=0) %}{% for i in items %}{% set ns.n = 4 %}{% endfor %}{{ ns.n }}": "4",
        "{% raw %}{{ text }}{% endraw %}{# gone #}": "{{ text }}",
        "{{ items | map('upper') | list }}": "['A', 'B']",
        "{{ big[:10] }}{{ (big | upper)[:2] }}": "xxxxxxxxxxXX",
    }
    for source, expected in cases.items():
        assert render(Variant("v", source, "x"), ROW).prompt == expected
