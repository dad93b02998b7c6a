"""What is asked before work on adapters, why it cannot be done, and what a comparison of weights says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from store.adapters import Adapter
from workbench.adapters.combining import Combination
from workbench.adapters.differing import Comparison, Layer
from workbench.adapters.exporting import Wish
from workbench.adapters.merging import UNMERGEABLE, Merging
from workbench.tui.present import adapter_work as present

ADAPTER = Adapter("a", Path("/s/a"), "m", "f", "lora", "LORA", None, 1, 1, "x", 0.0)
OTHER = replace(ADAPTER, name="method")


def values(fields: list) -> dict:
    return {field.name: field.parse(field.show(field.default)) for field in fields}


def test_an_untouched_form_asks_for_what_is_usual() -> None:
    assert present.merge_request(values(present.merge_fields("a"))) == ("a-merged", Merging())
    folder, wish = present.export_request(values(present.export_fields("a")))
    assert (folder, wish) == (Path.cwd() / "a", Wish("peft", False, Merging()))
    fields = present.combine_fields([ADAPTER, OTHER])
    expected = ([("a", 0.5), ("method", 0.5)], "a-method", Combination("cat"))
    assert present.combine_request(values(fields)) == expected


def test_what_cannot_be_done_says_why() -> None:
    soft = replace(ADAPTER, name="s", peft_type="PROMPT_TUNING", method="prompt-tuning")
    foreign = replace(OTHER, model_fingerprint="g")
    told = {
        ("merge",): "no adapter is selected",
        ("merge", ADAPTER, OTHER): "one at a time: 2 adapters are marked",
        ("merge", soft): f"it cannot be merged: {UNMERGEABLE['PROMPT_TUNING']}",
        ("combine", ADAPTER): "mark two or more LoRA adapters with {key:table.mark}",
        ("combine", ADAPTER, soft): "s is no LoRA (prompt-tuning)",
        ("combine", ADAPTER, foreign): "the marked adapters have different bases",
        ("diff", ADAPTER, OTHER, soft): "two at most: 3 adapters are marked",
        ("export", soft): None,
        ("combine", ADAPTER, OTHER): None,
        ("diff", ADAPTER): None,
    }
    for (name, *chosen), reason in told.items():
        assert present.why_not(name, chosen) == reason


def test_all_weights_together_stand_above_the_largest_changes() -> None:
    layers = (Layer("low", (1.0, 0.0), (0.1, 0.0)), Layer("high\x1b", (2.0, 3.0), (0.2, None), (4, 8), 0.5))
    total = Layer("all", (2.24, 3.0), (0.15, None), (), 0.25)
    found = Comparison(("a", "b"), layers, total, ({"name": "r", "values": [4, 8]},))
    rows = [[str(cell) for cell in cells] for _, cells in present.diff_rows(found)]
    assert [row[0] for row in rows] == ["all", "high␛", "low"]
    assert rows[1][1:] == ["2", "20 %", "3", "–", "+0.500"]
    assert present.diff_summary(found).splitlines()[1] == "r 4 | 8"
