"""How a terminal is known by its variables, and what a person's choice changes."""

from __future__ import annotations

import pytest

from workbench.settings import UiSection
from workbench.terminal import look_at

AUTO = UiSection()


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "tmux-256color", "TMUX": "/run/tmux,1,0"}, "256"),
        ({"TERM": "xterm-kitty"}, "truecolor"),
        ({"TERM": "xterm-direct"}, "truecolor"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "truecolor"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "3400"}, "256"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "256"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "truecolor"),
        ({"TERM": "screen-256color", "COLORTERM": "truecolor", "STY": "1.pts"}, "256"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "no-such-terminal"}, "16"),
        ({}, "16"),
        ({"TERM": "vt100"}, "none"),
        ({"TERM": "dumb"}, "none"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, "none"),
    ],
)
def test_the_colours_are_those_that_the_terminal_can_show(environment: dict[str, str], colours: str) -> None:
    assert look_at(AUTO, environment).colours == colours


def test_a_chosen_number_of_colours_comes_before_what_is_detected_but_not_before_no_color() -> None:
    many = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    assert look_at(UiSection(color="16"), many).colours == "16"
    assert look_at(UiSection(color="truecolor"), {"TERM": "xterm"}).colours == "truecolor"
    assert look_at(UiSection(color="truecolor"), {"NO_COLOR": "1"}).colours == "none"
    assert look_at(UiSection(color="never"), many).colours == "none"


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"])
def test_an_ssh_session_is_drawn_more_calmly_by_itself(variable: str) -> None:
    here, away = look_at(AUTO, {}), look_at(AUTO, {variable: "x"})
    assert (here.profile, away.profile) == ("local", "ssh")
    assert away.frames < here.frames
    assert look_at(UiSection(profile="local"), {variable: "x"}).frames == here.frames
    assert look_at(UiSection(profile="ssh"), {}).frames == away.frames


def test_an_escape_is_waited_with_only_where_the_rest_of_a_key_may_come_late() -> None:
    here, away = look_at(AUTO, {}), look_at(AUTO, {"SSH_TTY": "x"})
    assert here.escape_ms < 50 < away.escape_ms
    assert look_at(AUTO, {"SSH_TTY": "x", "TMUX": "/run/tmux,1,0"}).escape_ms == here.escape_ms


def test_whole_frames_are_not_asked_of_a_multiplexer_or_where_they_are_unwanted() -> None:
    assert look_at(AUTO, {}).sync
    assert not look_at(AUTO, {"TMUX": "/run/tmux,1,0"}).sync
    assert not look_at(UiSection(sync="never"), {}).sync


@pytest.mark.parametrize(
    ("environment", "links"),
    [
        ({"TERM_PROGRAM": "WezTerm"}, True),
        ({"VTE_VERSION": "7600"}, True),
        ({"VTE_VERSION": "4800"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM_PROGRAM": "WezTerm", "TMUX": "/run/tmux,1,0"}, False),
    ],
    ids=str,
)
def test_links_are_sent_to_terminals_that_are_known_to_take_them(
    environment: dict[str, str], links: bool
) -> None:
    assert look_at(UiSection(), environment).links is links
