"""The doctor: every part of the machine looked at, every fault with its remedy, a code to rely on."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from workbench.cli.doctor import Finding, examine
from workbench.settings import UiSection


def light_findings(root: Path) -> dict[str, Finding]:
    """Look at all but the devices, which take a process with torch."""
    light = takewhile(lambda finding: not finding.check.startswith("gpu"), examine(str(root), UiSection()))
    return {finding.check: finding for finding in light}


@pytest.mark.usefixtures("workbench")
def test_a_sound_machine_lacks_nothing(root: Path) -> None:
    """Python, SQLite, packages, settings, store and disk; and looking makes nothing."""
    found = light_findings(root)
    assert {
        "python",
        "sqlite",
        "torch",
        "peft",
        "textual",
        "settings",
        "store",
        "disk",
        "terminal",
    } <= found.keys()
    assert not [finding for finding in found.values() if finding.verdict == "missing"]
    assert "not made yet" in found["store"].found
    assert not root.exists()


@pytest.mark.usefixtures("workbench")
def test_a_store_that_cannot_be_is_missing(root: Path) -> None:
    """A file in the way, or a folder of someone else's making, comes with its remedy."""
    root.write_text("", encoding="utf-8")
    finding = light_findings(root)["store"]
    assert finding.verdict == "missing"
    assert "--store" in finding.remedy


def test_what_is_wrong_is_told_with_its_remedy_and_exit_1(workbench, root: Path) -> None:
    """A broken settings file is missing for the work; an open store folder is a warning."""
    Path(".workbench.toml").write_text("[ui]\nasci = true\n", encoding="utf-8")
    root.mkdir()
    root.chmod(0o755)
    answer = workbench("doctor", "--json")
    assert answer.code == 1
    assert not answer.document["ok"]
    checks = {finding["check"]: finding for finding in answer.document["checks"]}
    assert {"torch device", "4-bit bases"} <= checks.keys()
    assert all(finding["verdict"] in ("ok", "warning", "missing") for finding in checks.values())
    assert all(finding["remedy"] for finding in checks.values() if finding["verdict"] != "ok")
    assert (checks["settings"]["verdict"], checks["store"]["verdict"]) == ("missing", "warning")
    assert "asci" in checks["settings"]["found"]
    assert "chmod 700" in checks["store"]["remedy"]
