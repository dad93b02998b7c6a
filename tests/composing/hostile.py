# ruff: noqa: E501, RUF001 - long and odd on purpose
"""Hostile templates, written by hand and generated, and the process that renders them under watch."""

from __future__ import annotations

import itertools
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ADDRESS_SPACE = 3 << 30
"""A last wall: what gets here has long failed, and shall not take the machine with it."""

WIDE = "\U0001f600"
ROW = {
    "text": "some text",
    "n": 3,
    "items": ["a", "b"],
    "meta": {"title": "t", "deep": {"er": [1, 2]}},
    "big": "x" * 2_000_000,
    "raw": b"bytes",
    "none": None,
    "number": 1e300,
    "turns": [{"role": "user", "content": "Hi"}] * 3,
}


def templates() -> Iterator[tuple[str, str]]:
    """Name and source of each."""
    for kind, sources in KINDS.items():
        for number, source in enumerate(sources()):
            yield f"{kind} {number}: {source[:70]!r}", source


def escapes() -> Iterator[str]:
    """Walks from a value to Python's insides."""
    roots = [
        "text",
        "items",
        "meta",
        "n",
        "none",
        "raw",
        "row",
        "range",
        "namespace",
        "namespace()",
        "loop",
        "self",
        "''",
        "()",
    ]
    ways = [
        "__class__.__mro__",
        "__class__.__base__.__subclasses__()",
        "__init__.__globals__",
        "__globals__",
        "__dict__",
    ]
    for root, way in itertools.product(roots, ways):
        yield "{{ " + f"{root}.{way}" + " }}"
    for root in roots[:8]:
        yield "{{ " + f"{root}['__class__']['__mro__'][1]" + " }}"
        yield "{{ [" + root + "] | map(attribute='__class__.__mro__') | list }}"
        yield "{{ [" + root + "] | sort(attribute='__class__') }}"
        yield "{{ [" + root + "] | selectattr('__class__') | list }}"
    yield from [
        "{{ text | attr('__class__') }}",
        "{{ '{0.__class__.__mro__}'.format(text) }}",
        "{{ '{x.__class__}'.format_map({'x': text}) }}",
        "{{ ('{0.__class__}' | string).format(text) }}",
        "{{ '%(x)s' % {'x': text} }}",
        "{{ '{:>999999999}'.format(n) }}",
        "{{ '%999999999d' % n }}",
        "{{ text.__format__('>999999999') }}",
        "{{ text.format.__self__ }}",
        "{% for i in items %}{{ loop.__class__.__init__.__globals__ }}{% endfor %}",
        "{% for i in items %}{{ loop._iterator }}{{ loop._undefined }}{% endfor %}",
        "{% set ns = namespace() %}{{ ns._Namespace__attrs }}{{ ns.__class__ }}",
        "{% set ns = namespace(__class__=1) %}{{ ns.__class__ }}",
        "{{ text.__ｃlass__ }}",  # a letter that Python's names take for another one
        "{{ text.__cl\u200bass__ }}",
        "{{ ｔext.__class__ }}",
        "{{ text['\\x5f\\x5fclass\\x5f\\x5f'] }}",
        "{{ text['__cla' ~ 'ss__'] }}",
        "{{ text | map(attribute=('__cla' ~ 'ss__')) | list }}",
        "{{ caller() }}",
        "{{ varargs }}{{ kwargs }}",
        "{{ environment }}{{ context }}{{ resolve }}",
        "{{ lipsum.__globals__.os }}",
        "{{ cycler.__init__.__globals__ }}{{ joiner }}",
        "{{ config }}{{ request }}{{ get_flashed_messages.__globals__ }}",
        "{{ raw.decode() }}{{ raw.fromhex('00') }}",
        "{{ text.encode('idna') }}",
        "{{ text.translate({115: 'x' * 999}) }}",
        "{{ text.maketrans('s', 'x') }}",
        "{{ items.append(items) }}{{ items }}",
        "{{ items.sort() }}{{ items.clear() }}{{ meta.pop('title') }}",
        "{{ meta.update(a=1) }}{{ meta.setdefault('a', []) }}{{ meta.fromkeys(range(9)) }}",
        "{{ n.to_bytes(10 ** 9, 'big') }}{{ n.bit_length() }}",
        "{{ number.hex() }}{{ number.as_integer_ratio() }}",
        "{% include '/etc/passwd' %}",
        "{% include ['a', 'b'] ignore missing %}",
        "{% import 'os' as os %}",
        "{% from 'os' import system %}",
        "{% extends '/etc/passwd' %}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{{ super() }}",
        "{% do items.append(1) %}",
        "{% debug %}",
        "{% trans %}a{% endtrans %}",
        "{{ text is filter }}{{ text is test }}{{ 'x' is __class__ }}",
        "{{ text | __class__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ _Sandbox__self }}{{ range(_Sandbox__self=1) }}",
        "{{ range(__context=1) }}{{ namespace(__obj=1) }}",
    ]  # fmt: skip


def loops() -> Iterator[str]:
    """Loops without end or nearly so."""
    for depth in (1, 2, 3, 4, 10, 60):
        starts = "".join("{% for a" + str(number) + " in range(9999) %}" for number in range(depth))
        yield starts + "x" + "{% endfor %}" * depth
        yield starts + "{% endfor %}" * depth
    for body in (
        "{% if big | upper %}{% endif %}",
        "{% if big.upper() %}{% endif %}",
        "{% if big.count('xy') %}{% endif %}",
        "{% if 'xy' in big %}{% endif %}",
        "{% if big == big[:1999999] ~ 'y' %}{% endif %}",
        "{% if big[1:] %}{% endif %}",
        "{% if big[::-1] %}{% endif %}",
        "{% if big + 'x' %}{% endif %}",
        "{% if range(20000) | sum %}{% endif %}",
        "{% if range(20000) | list %}{% endif %}",
        "{% if big | list %}{% endif %}",
        "{% if big | wordcount %}{% endif %}",
        "{% if items * 9999 %}{% endif %}",
        "{{ big }}",
        "{{ text }}" * 60,
        "{% for b in big %}{% endfor %}",
        "{% set x = big[1:] %}",
        "{% set x %}{{ big }}{% endset %}",
        "{% filter upper %}{{ big }}{% endfilter %}",
    ):
        yield "{% for i in range(19999) %}" + body + "{% endfor %}"
    yield from [
        "{% for a in items recursive %}{{ loop(items) }}{% endfor %}",
        "{% for a in range(9999) if range(9999) | sum %}{% endfor %}",
        "{% for a in range(10 ** 18) %}{% endfor %}",
        "{% for a in range(0, 10 ** 30, 10 ** 9) %}{% endfor %}",
        "{% for a in range(20000) %}{{ loop.length }}{{ loop.changed(big) }}{% endfor %}",
        "{% for a in big | map('upper') %}{% endfor %}",
        "{% for a in (range(9999) | map('string')) %}{% for b in (range(9999) | map('string')) %}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{{ x(x) }}{% endmacro %}{{ f(f) }}",
        "{% call text() %}{% endcall %}",
        "{{ range(20000) | map('default', 1) | map('default', 1) | map('string') | list | join | length }}" * 40,
    ]  # fmt: skip


def texts() -> Iterator[str]:
    """Much text out of little."""
    yield from [
        "{{ 'a' * 10 ** 10 }}",
        "{{ 10 ** 10 * 'a' }}",
        "{{ 'a' * 999999 * 999999 }}",
        "{{ raw * 10 ** 10 }}",
        "{{ (raw * 10 ** 9) | length }}",
        "{{ 'a'.join(big) | length }}",
        "{{ big.join(items * 99) }}",
        "{{ (big[:999999] ~ '').join(big[:999999]) }}",
        "{{ text.replace('', big).replace('', big) }}",
        "{{ text | replace('', big) | replace('', big) }}",
        "{{ big.replace('x', 'yyyy').replace('y', 'zzzz') }}",
        "{{ text.ljust(10 ** 10) }}{{ text.center(10 ** 10) }}{{ text.zfill(10 ** 10) }}",
        "{{ text.expandtabs(10 ** 10) }}",
        "{{ text | center(10 ** 10) }}",
        "{{ text | indent(10 ** 10) }}",
        "{{ text | wordwrap(1) }}",
        "{{ items | tojson(indent=10 ** 10) }}",
        "{{ items | batch(10 ** 10, 'x') | list }}",
        "{{ items | slice(10 ** 10) | list }}",
        "{{ items | pprint }}{{ text | urlize }}{{ text | format(big) }}",
        "{{ text | truncate(10 ** 18, end=big) }}",
        "{{ big | title | title | title }}",
        "{{ big | list | join(big[:9999]) }}",
        "{{ ['ß' * 999999] | map('upper') | map('upper') | list }}",
        "{{ ([''] * 9999) | map('default', big, true) | map('upper') | list | length }}",
        "{{ ([''] * 9999) | map('default', big, true) | list | sort | length }}",
        "{{ ([''] * 9999) | map('default', big, true) | unique | list | length }}",
        "{{ ([''] * 9999) | map('default', big, true) | list | max }}",
        "{% set s %}" + "{{ big }}" * 400 + "{% endset %}{{ s | length }}",
        "{% filter upper %}" + "{{ big }}" * 400 + "{% endfilter %}",
        "{% filter length %}{% for i in range(19999) %}{{ big[:99999] }}{% endfor %}{% endfilter %}",
        "{% set s %}{% for i in range(19999) %}" + "y" * 90_000 + "{% endfor %}{% endset %}{{ s | length }}",
        "{% filter length %}{% for i in range(19999) %}" + "y" * 90_000 + "{% endfor %}{% endfilter %}",
        "{% autoescape true %}{{ '&' * 999999 }}{{ big }}{% endautoescape %}",
        "{% autoescape true %}{{ ('&' * 999999) | upper | length }}" + "{{ ('&' * 999999) ~ '' }}" * 9 + "{% endautoescape %}",
        "y" * 200_000,
        "{{ " + "'" + "y" * 99_000 + "'" + " * 99 }}",
        "{% for i in range(9999) %}" + "y" * 1000 + "{% endfor %}",
    ]  # fmt: skip
    for letter in ("a", WIDE):
        for grow in ("{% set s = s ~ s %}", "{% set s = s + s %}", "{% set s = s * 2 %}", "{% set s = s.replace('a', 'aa') %}",
                     "{% set s = s | replace('a', 'aa') %}", "{% set s %}{{ s }}{{ s }}{% endset %}", "{% set s = [s, s] | join %}",
                     "{% set s = s.join(s) %}", "{% set s %}{% filter upper %}{{ s }}{{ s }}{% endfilter %}{% endset %}"):  # fmt: skip
            yield f"{{% set s = '{letter}a' %}}" + grow * 40 + "{{ s }}"
        for made in ("s[1:]", "s + ''", "s + 'a'", "s * 1", "'a' * 999999", "s | upper", "s.lower()", "s ~ 'a'", "s | list",
                     "s.split('a')", "s.rsplit('b')", "s.splitlines()", "s[::-1]", "s | replace('b', 'c')", "s | string",
                     "s.partition('a')", "s | title", "s.swapcase()", "s | trim"):  # fmt: skip
            few = "{% set s = '" + f"ba{letter}" + "' * 33333 %}"
            many = "{% set s = '" + f"ba{letter}" + "' * 333332 %}"
            listed = ", ".join([made] * 300)
            yield many + "{{ [" + listed + "] | length }}"
            yield few + "{{ [" + listed + "] | length }}"
        yield (
            "{% set s = '"
            + letter
            + "' * 999999 %}"
            + "".join(f"{{% set a{n} = s[{n}:] %}}" for n in range(300))
            + "{{ a9 | length }}"
        )


def numbers() -> Iterator[str]:
    """Numbers of many digits."""
    yield from [
        "{{ 9 ** (9 ** 9) }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ (-9) ** 99999999 }}{{ 2 ** -99999999 }}",
        "{{ 2.0 ** 10 ** 10 }}",
        "{% set x = 9 ** 100 %}" + "{% set x = x * x %}" * 40 + "{{ x }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ " + "9" * 90_000 + " }}",
        "{{ " + "9_" * 40_000 + "9 }}",
        "{{ 0x" + "f" * 90_000 + " }}",
        "{{ 0b" + "1" * 90_000 + " // 3 }}",
        "{{ 1e999 }}{{ -1e999 }}{{ 1e999 | int }}",
        "{{ " + "1" * 40_000 + "." + "1" * 40_000 + " }}",
        "{{ ('9' * 999999) | int }}",
        "{{ ('f' * 999999) | int(base=16) }}",
        "{% set a = ('f' * 999999) | int(base=16) %}{% set b = ('e' * 499999) | int(base=16) %}{{ a // b }}",
        "{% set a = ('f' * 999999) | int(base=16) %}{% set b = ('e' * 499999) | int(base=16) %}{{ (a % b) | string }}",
        "{% set a = ('f' * 999999) | int(base=16) %}{{ a / 3 }}{{ a - 1 }}{{ a | round }}{{ a | float }}",
        "{% set a = ('1' * 999999) | int(base=2) %}{{ [a, a] | sum }}",
        "{{ ('9' * 999999) | float }}{{ ('0.' ~ '5' * 999999) | float }}{{ ('1' * 999999 ~ 'e-999999') | float }}",
        "{{ 1.5 | round(10 ** 10, 'ceil') }}",
        "{{ 1 | round(-10 ** 10) }}{{ number | round(15, 'floor') }}",
        "{{ n // 0 }}{{ n % 0 }}",
        "{{ 10 ** 300 * number }}",
        "{{ range(10 ** 9) | list }}{{ range(-1, -(10 ** 12), -1) | list }}",
        "{{ range('a') }}{{ range() }}{{ range(1, 2, 0) }}",
    ]  # fmt: skip


def lists() -> Iterator[str]:
    """Lists and mappings that grow, or are deep."""
    yield from [
        "{{ [0] * 10 ** 10 }}",
        "{{ (0,) * 10 ** 10 }}",
        "{{ 10 ** 10 * [0] }}",
        "{{ (items * 50000) | length }}",
        "{% set s = {'k': 1} %}" + "{% set s = {'a': s, 'b': s} %}" * 40 + "{{ s }}",
        "{% with s = [big, big] %}" + "{% with s = [s, s] %}" * 9 + "{{ s }}" + "{% endwith %}" * 10,
        "{% set ns = namespace(s=1) %}{% for i in range(99) %}{% set ns.s = [ns.s] * 2 %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=1) %}{% for i in range(19999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=1) %}{% for i in range(9000) %}{% set ns.s = (ns.s,) %}{% endfor %}{{ {ns.s: 1} | length }}",
        "{% set ns = namespace(s=1) %}{% for i in range(9000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s == [ns.s] }}",
        "{% set ns = namespace(s=1) %}{% for i in range(9000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s | tojson }}",
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}{{ [ns] | tojson }}{{ ns == ns.x }}",
        "{% set ns = namespace(x=big) %}{% for i in range(999) %}{% set ns.x = namespace(a=ns.x, b=ns.x) %}{% endfor %}{{ ns.x }}",
        "{{ ([[0]] * 40000) | sum(start=[]) | length }}",
        "{{ (range(20000) | map('string') | list) | sum(start='') }}",
        "{{ ([items] * 20000) | sum(start=[]) | length }}",
        "{{ (['ab'] * 20000) | select('in', big) | list | length }}",
        "{{ (['x' * 90 ~ 'y'] * 9999) | reject('in', big) | list | length }}",
        "{{ ([big] * 1) | select('in', [big]) | list | length }}",
        "{{ ([''] * 20000) | map('default', big, true) | select('eq', big ~ '') | list | length }}",
        "{{ " + "[" * 5000 + "]" * 5000 + " }}",
        "{{ " + "{'a':" * 5000 + "1" + "}" * 5000 + " }}",
        "{{ [" + "0," * 1500 + "] * 60 }}",
        "{{ [" + ", ".join(["range(20000) | list"] * 450) + "] | length }}",
        "{{ [" + ", ".join(["range(20000) | map('string') | list"] * 300) + "] | length }}",
        "{{ [" + ", ".join(["items * 40000"] * 400) + "] | length }}",
        "{{ [" + ", ".join(["[0] * 90000 + [1]"] * 300) + "] | length }}",
        "{{ big | list | unique | list }}{{ big | list | sort | first }}",
        "{{ turns | map(attribute='content.' ~ 'x.' * 99999) | list }}",
        "{{ meta | dictsort(by=big) }}{{ meta | dictsort(reverse=big) }}",
    ]  # fmt: skip
    for grow in (
        "s + s",
        "[s, s]",
        "(s, s)",
        "s * 2",
        "{'a': s, 'b': s}",
        "[s] + [s]",
        "[s, s] | list",
        "[s, s] | map('list') | list",
    ):
        yield (
            "{% set s = [1] %}"
            + "{% set s = "
            + grow
            + " %}" * 1
            + ("{% set s = " + grow + " %}") * 40
            + "{{ s }}"
        )
        yield "{% with s = [1] %}" + ("{% with s = " + grow + " %}") * 40 + "{{ s }}" + "{% endwith %}" * 41


def slow() -> Iterator[str]:
    """Single operations that are slow on what suits them."""
    start = "{% set a = 'a' * 990000 %}{% set p = 'a' ~ 'b' ~ 'a' * 450000 %}{% set q = 'a' * 450000 ~ 'b' ~ 'a' %}{% set r = 'a' * 95 ~ 'b' %}{% set z = 'z' * 990000 ~ 'a' %}"
    for pattern in ("p", "q", "r", "z"):
        for method in ("find", "rfind", "count", "index", "rindex", "split", "rsplit", "partition", "rpartition", "replace",
                       "strip", "lstrip", "rstrip", "startswith", "removesuffix"):  # fmt: skip
            more = ", 'c'" if method == "replace" else ""
            yield start + "{% if a." + f"{method}({pattern}{more})" + " %}{% endif %}"
        yield start + "{% if a | replace(" + pattern + ", 'c') %}{% endif %}"
        yield start + "{% if a | trim(" + pattern + ") %}{% endif %}"
        yield start + "{{ " + " or ".join([f"{pattern} in a"] * 300) + " }}"
        yield start + "{{ [" + pattern + "] * 9 | select('in', a) | list }}"
        yield start + "{{ ([" + pattern + "] * 1) | select('in', a) | list | length }}"
    yield start + "{{ " + " or ".join(["a == a[:-1] ~ 'b'"] * 200) + " }}"
    yield start + "{{ a | wordcount }}{{ (a ~ ' ') | title | length }}{{ ('- ' * 400000) | title | length }}"
    yield "{{ " + " or ".join(["'" + "a" * 60 + "b' in big"] * 300) + " }}"
    yield "{{ " + " and ".join(["big.count('xy') == 0"] * 300) + " }}"
    yield "{{ " + " ~ ".join(["big.find('xxxy')"] * 300) + " }}"


def sources() -> Iterator[str]:
    """What the lexer, the parser, Jinja2's compiler or Python's would choke on."""
    for opening, closing in ("()", "[]", ("{1:", "}"), ("-", ""), ("not ", ""), ("text[", "]"), ("text | default(", ")"), ("n if n else ", ""),
                             ("n ** ", ""), ("text.a", ""), ("'a' ~ ", ""), ("n + ", ""), ("n == ", ""), ("n and ", "")):  # fmt: skip
        for depth in (90, 150, 199, 230, 260, 290, 320, 400, 950, 5000, 20_000):
            source = "{{ " + opening * depth + "n" + closing * depth + " }}"
            if len(source) < 150_000:
                yield source
    for depth in (19, 21, 99, 101, 500, 3000):
        yield "{% if n %}" * depth + "{% endif %}" * depth
        yield "{% if n %}{% else %}" * depth + "{% endif %}" * depth
        yield "{% if n == 0 %}" + "{% elif n == 1 %}" * depth + "{% endif %}"
        yield "{% filter upper %}" * depth + "{% endfilter %}" * depth
        yield "{% set x %}" * depth + "{% endset %}" * depth
        yield "{% with %}" * depth + "{% endwith %}" * depth
    yield from [
        "{{ text }}" * 9999,
        "{{1}}" * 19_000,
        "{% set x = 1 %}" * 6000,
        "{#" * 40_000,
        "{# x #}" * 14_000,
        "{% raw %}" * 9000,
        "{% raw %}" + "{{" * 40_000 + "{% endraw %}",
        "{{" * 40_000,
        "{%" * 40_000,
        "{{ '" + "\\" * 90_001,
        "{{ '" + "\\x" * 30_000 + "' }}",
        "{{ '" + "\\N{DIGIT ONE}" * 6000 + "' }}",
        "{{ '\\ud83d' }}",
        "{{ '\\ud83d' ~ '\\ude00' }}",
        "{{ \"\\udcff\" | upper }}",
        "{% if '\\ud800' %}a{% endif %}",
        "\ud800",
        "{{ text }}\udfff",
        "{{ '\\0' }}\0",
        "{{ " + "a." * 900 + "b }}",
        "{{ " + "a" * 90_000 + " }}",
        "{{ a" + "́" * 50_000 + " }}",
        "{{ text" + " | upper" * 900 + " }}",
        "{{ text" + " | upper" * 9000 + " }}",
        "{{ text" + ".upper()" * 400 + " }}",
        "{{ f(" + "a," * 900 + ") }}",
        "{{ range(" + ",".join(f"a{n}=1" for n in range(600)) + ") }}",
        "{{ range(*" + "[1]" + ", **meta) }}{{ range(*big) }}{{ namespace(**{big: 1}) }}",
        "{{ text" + "\n" * 90_000 + "}}",
        "{{-" + " " * 90_000 + "-}}",
        " " * 90_000 + "{{- text -}}" + " " * 9000,
        "{%- if n -%}" * 50 + " " * 50_000 + "{%- endif -%}" * 50,
        "{{ 1" + "_1" * 40_000 + "x }}",
        "{{ 1." + "1_" * 40_000 + " }}",
        "{{ 1" + "1" * 40_000 + "e }}",
        "{{ '" + "a" * 90_000 + " }}",
        "{{ \"" + "'" * 90_000 + "\" }}",
        "{{ [" + "'" + "'] ~ ['" * 9000 + "' }}",
        "{{ text is " + "not " * 900 + "none }}",
        "{% for " + ", ".join(f"a{n}" for n in range(900)) + " in items %}{% endfor %}",
        "{% for (" + "(" * 300 + "a" + ")" * 300 + ") in items %}{% endfor %}",
        "{% set " + ", ".join(f"a{n}" for n in range(900)) + " = big %}",
        "{% set x" + ".y" * 500 + " = 1 %}",
        "{% block " + "b" * 50_000 + " %}{% endblock %}",
        "{{ loop }}{{ loop.index }}",
        "{% for a in items %}{{ loop }}{{ loop() }}{% endfor %}",
        "{{ [" + "'a' | replace('a', '" + "b" * 300 + "') | replace('b', '" + "c" * 3000 + "')," + "] }}",
        "{{ (" + " ~ ".join(["'" + "x" * 90 + "'"] * 600) + ") }}",
        "\r" * 50_000 + "{{ text }}",
        "{{ tｅxt }}",
        "{{ text\u2028}}\u2029{{\u00a0text }}",
        "{{ \u202etext }}",
        "{{ 𝐭𝐞𝐱𝐭 }}{% set 𝐭𝐞𝐱𝐭 = 1 %}{{ text }}",
    ]  # fmt: skip
    folded = "'" + "a" * 100 + "' | replace('a', '" + "b" * 100 + "') | replace('b', '" + "c" * 95 + "')"
    yield "{{ [" + ", ".join([folded] * 200) + "] | length }}"
    yield "{{ " + folded + " | length }}" + ("{{ " + folded + " | length }}") * 150
    yield "{% if n == 0 %}" + ("{{ " + folded + " }}") * 200 + "{% endif %}"
    yield "{% if n == 0 %}" + ("{% set x = " + folded + " %}") * 150 + "{% endif %}"
    yield (
        "{% if n == 0 %}{{ 'a' "
        + "".join(f"| replace('{a}', '{b * 3}')" for a, b in itertools.pairwise("abcdefghijklmnopqrst"))
        + " }}{% endif %}"
    )


KINDS = {
    "escape": escapes,
    "loop": loops,
    "text": texts,
    "number": numbers,
    "list": lists,
    "slow": slow,
    "source": sources,
}


def main() -> None:
    """Render every template and write one line of JSON for each; the one that is begun is told first."""
    from store.errors import BadInput
    from store.templates import Variant
    from workbench.composing.template import render

    render(Variant("v", "{{ text }}{# warm #}", "x"), ROW)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    only = sys.argv[1:]
    for name, source in templates():
        if only and not any(name.startswith(each) for each in only):
            continue
        print(json.dumps({"begun": name}), flush=True)
        forget_peak()
        before, started = mebibytes("VmRSS"), time.perf_counter()
        try:
            ended = {"length": len(render(Variant("v", source, "x"), ROW).prompt.encode())}
        except BadInput as error:
            ended = {"told": str(error)}
        except BaseException as error:  # noqa: BLE001 - it is what we look for
            ended = {"raised": f"{type(error).__name__}: {str(error)[:200]}"}
        seconds = time.perf_counter() - started
        print(
            json.dumps({"name": name, "seconds": seconds, "grown": mebibytes("VmHWM") - before, **ended}),
            flush=True,
        )


def forget_peak() -> None:
    """Let the kernel measure the process's most memory anew."""
    Path("/proc/self/clear_refs").write_text("5")


def mebibytes(figure: str) -> float:
    """A figure of this process's memory: VmRSS is what it has, VmHWM the most it had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(figure))


if __name__ == "__main__":
    main()
