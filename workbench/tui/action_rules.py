"""Why an action cannot be done now: rules that rows of the action table name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

WhyNot = Callable[[Screen[Any]], str | None]
"""From the screen to the reason; None where the action can be done."""


def needs_selection(noun: str) -> WhyNot:
    """A rule: something must be under the cursor of the screen."""

    def why_not(screen: Screen[Any]) -> str | None:
        return None if getattr(screen, "selected", None) is not None else f"no {noun} is selected"

    return why_not


def needs_live_run(screen: Screen[Any]) -> str | None:
    """A rule: the selected run must be queued or at work."""
    run = getattr(screen, "selected", None)
    if run is None:
        return "no run is selected"
    if run.status in ("queued", "starting", "running", "paused"):
        return None
    return f"this run is {run.status}"


def needs_queued_run(screen: Screen[Any]) -> str | None:
    """A rule: the selected run must wait in the queue."""
    run = getattr(screen, "selected", None)
    if run is None:
        return "no run is selected"
    return None if run.status == "queued" else f"this run is {run.status} and waits in no queue"


def needs_pausable_run(screen: Screen[Any]) -> str | None:
    """A rule: the selected run must be one that can be paused, or one that can go on."""
    run = getattr(screen, "selected", None)
    if run is None:
        return "no run is selected"
    if run.status in ("completed", "cancelled"):
        return f"{run.status}: {{key:runs.retry}} starts it anew"
    if run.request:
        return f"asked to {run.request} already"
    return None


def needs_ended_run(screen: Screen[Any]) -> str | None:
    """A rule: the selected run must have ended."""
    run = getattr(screen, "selected", None)
    if run is None:
        return "no run is selected"
    return None if run.over else f"this run is {run.status}: it has not ended"
