"""Templates that need not be written from nothing, on the command line."""

from __future__ import annotations

import json
from pathlib import Path


def test_the_library_is_listed_shown_and_added(workbench) -> None:
    """Twelve tasks and more, at least five phrasings each, all but plain forms of data."""
    listed = workbench("template", "library", "--json").document
    assert sum(entry["variants"] >= 5 for entry in listed) >= 12
    shown = workbench("template", "library", "sentiment", "--json").document
    assert shown["text"] in workbench("template", "library", "sentiment").out + "\n"
    assert workbench("template", "library", "sentiment", "--add", "--name", "mood").code == 0
    assert [entry["name"] for entry in workbench("template", "list", "--json").document] == ["mood"]
    wrong = workbench("template", "library", "sentimnt")
    assert wrong.code == 1 and "did you mean 'sentiment'?" in wrong.err


def test_from_a_file_to_a_checked_template_in_three_commands(
    workbench, tmp_path: Path, tiny_causal: Path
) -> None:
    """What the columns suggest renders every row; all suggestions are shown, and one can be picked."""
    rows = [{"review": f"It was {word}.", "label": word} for word in ("good", "bad", "good", "bad") * 5]
    file = tmp_path / "reviews.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    workbench("model", "add", tiny_causal, "--name", "m")
    assert workbench("dataset", "add", file).code == 0
    assert workbench("template", "suggest", "--dataset", "reviews", "--add", "--name", "mood").code == 0
    figures = workbench(
        "template", "check", "mood", "--dataset", "reviews", "--model", "m", "--json"
    ).document
    assert (figures["rows"], figures["empty"]) == (20, 0)
    suggestions = workbench("template", "suggest", "--dataset", "reviews", "--json").document
    picked = workbench("template", "suggest", "--dataset", "reviews", "--pick", "1", "--json").document
    assert {key: picked[key] for key in suggestions[0]} == suggestions[0]
    assert all(choice in picked["text"] for choice in ("good", "bad"))
    beyond = workbench("template", "suggest", "--dataset", "reviews", "--pick", "99")
    assert beyond.code == 1 and "leave --pick out" in beyond.err
