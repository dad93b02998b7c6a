"""Reports for people: nothing in a text can become a part of the page."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from workbench.evaluation import pages
from workbench.evaluation.comparison import compare
from workbench.evaluation.meters import Choices
from workbench.evaluation.page import STYLE, Page, html, markdown
from workbench.evaluation.report import Scorer
from workbench.evaluation.rows import Row

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
EVIL = "<script>document.title='owned'</script> <img src=x onerror=alert(1)> \x1b[31m \u202e \" ' & | `x` # _"
ROWS = [
    Row("cold cold cold cold", ("it is cold outside",)),
    Row(f"it is cold {EVIL}", (f"it is cold outside {EVIL}",)),
    Row("it is cold outside", ("it is cold outside",)),
]


def score_page(choices: Choices, kept: int = 100) -> Page:
    scorer, poorest = Scorer(choices), pages.Poorest(kept)
    for row in ROWS:
        poorest.add(scorer.rows + 1, row, scorer.add(row))
    return pages.score_page("evil <b>.jsonl", scorer.rows, scorer.totals(), poorest, choices)


def comparison_page() -> Page:
    pairs = [([row], [Row("it is cold outside", row.references)]) for row in ROWS]
    found = compare(pairs, Choices())
    return pages.comparison_page((["base"], ["mine"]), found, dict(enumerate(pairs, 1)), Choices())


class Reader(HTMLParser):
    """Keeps a page's tags with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "page",
    [
        score_page(Choices()),
        score_page(Choices(("bleu",))),
        score_page(Choices(("chrf",))),
        comparison_page(),
    ],
)
def test_a_page_is_whole_in_itself_and_runs_nothing(page: Page) -> None:
    written = html(page)
    read = Reader(written)
    assert {tag for tag, _ in read.tags}.isdisjoint(
        {"script", "img", "link", "iframe", "object", "b", "a", "form"}
    )
    names = {name for _, attributes in read.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "href", "style")]
    policy = next(attributes for _, attributes in read.tags if attributes.get("http-equiv"))
    assert str(policy["content"]).startswith("default-src 'none'")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", written)
    assert "it is cold" in read.text
    assert "<script>document.title='owned'</script>" in read.text


def test_words_carry_their_label_in_every_view_and_the_text_stays_whole() -> None:
    read = Reader(html(score_page(Choices())))
    marked = [attributes for tag, attributes in read.tags if tag == "span" and attributes.get("title")]
    assert [attributes["class"] for attributes in marked[:4]] == [
        "v0-clipped v1-novel v2-clipped",
        "v0-clipped v1-novel v2-clipped",
        "v0-clipped v1-novel v2-clipped",
        "v0-matched v1-novel v2-matched",
    ]
    assert marked[0]["title"] == "0.0625 of ROUGE-1, 0.0000 of ROUGE-2, 0.0625 of ROUGE-L"
    assert "cold cold cold cold" in read.text


def test_the_poorest_rows_are_shown_first() -> None:
    page = score_page(Choices(), kept=2)
    assert [entry.heading for entry in page.entries] == ["Row 1", "Row 2"]
    assert page.entries_title == "The 2 poorest rows"
    assert any("unclipped precision would be 1.00" in told for told in page.entries[0].told)


def test_of_edits_the_most_are_the_poorest() -> None:
    assert [entry.heading for entry in score_page(Choices(("ter",))).entries] == ["Row 1", "Row 2", "Row 3"]


def test_markdown_holds_texts_as_blocks_in_which_nothing_has_a_meaning() -> None:
    written = markdown(score_page(Choices()))
    assert written.startswith("# Scores of evil \\<b\\>.jsonl\n")
    assert "| rouge1 | " in written
    for line in written.splitlines():
        assert "<script>" not in line or line.startswith("    ")
    assert "\x1b" not in written


def test_a_comparison_shows_both_answers_to_the_rows_that_decide() -> None:
    page = comparison_page()
    assert page.title == "mine against base, 3 rows"
    first = page.entries[0]
    assert [passage.name for passage in first.passages] == ["reference", "base", "mine"]
    assert first.told[0].startswith("rouge1 ")


def colours(png: bytes) -> set[bytes]:
    """All colours of a picture of 8 bits a channel, red, green and blue each; W3C's PNG, sections 7 and 9."""
    width, depth = struct.unpack(">I", png[16:20])[0], {2: 3, 6: 4}[png[25]]
    packed, at = b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        packed += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    raw, found, above = zlib.decompress(packed), set(), bytearray(width * depth)
    for start in range(0, len(raw), width * depth + 1):
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + width * depth])
        for place in range(len(line)):
            left = line[place - depth] if place >= depth else 0
            up, corner = above[place], above[place - depth] if place >= depth else 0
            if kind == 4:
                guess = min((left, up, corner), key=lambda each: abs(left + up - corner - each))
            else:
                guess = (0, left, up, (left + up) // 2)[kind]
            line[place] = (line[place] + guess) & 255
        found |= {bytes(line[place : place + 3]) for place in range(0, len(line), depth)}
        above = line
    return found


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed to open the report in")
def test_a_browser_draws_the_colours_of_labels_and_runs_nothing(tmp_path: Path) -> None:
    path, picture = tmp_path / "report.html", tmp_path / "report.png"
    path.write_text(html(score_page(Choices())), encoding="utf-8")
    command = [
        str(BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
        "--window-size=700,800",
    ]
    for output in ("--dump-dom", f"--screenshot={picture}"):
        done = subprocess.run([*command, output, path.as_uri()], capture_output=True, timeout=120, check=True)
        if output == "--dump-dom":
            # A script would have changed the title.
            assert b"<title>Scores of evil &lt;b&gt;.jsonl</title>" in done.stdout
    drawn = colours(picture.read_bytes())
    expected = re.findall("--(?:good|odd|bad): #([0-9a-f]{6})", STYLE.partition("@media")[0])
    assert len(expected) == 3
    assert {bytes.fromhex(each) for each in expected} <= drawn
