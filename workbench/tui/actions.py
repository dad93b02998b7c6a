"""The one table of what the keyboard can do: it feeds bindings, footer, `?` help, palette and the `:` line.

Rows are in order of importance within their scope: a narrow footer shows the first ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from workbench.tui.action_rules import (
    WhyNot,
    needs_ended_run,
    needs_live_run,
    needs_pausable_run,
    needs_queued_run,
    needs_selection,
)
from workbench.tui.key_names import fill, written
from workbench.tui.movements import MOVEMENTS, Movement
from workbench.tui.theme import THEME_NAMES

MODES = ("runs", "models", "datasets", "compose", "adapters", "compare", "inspect", "benchmarks")
"""The eight screens in the order of their keys 1 to 8."""
LISTED = {
    "runs": "run",
    "models": "model",
    "datasets": "dataset",
    "compose": "template",
    "adapters": "adapter",
}
"""What the list of a screen holds."""


@dataclass(frozen=True)
class Action:
    """One thing the user can do.

    `scope` says where: `app`, one of the modes, or the scope of a widget or dialog. The action runs
    `action_<name>` there, or `call` where that is given. An empty key means palette and `:` line only.
    """

    name: str
    key: str
    label: str
    """One or two words for the footer."""
    help: str
    """One line for the help overlay and the palette."""
    scope: str
    why_not: WhyNot | None = None
    """Tells why the action cannot be done on this screen now; None means it can."""
    call: str = ""
    """The Textual action string, `action_<name>` of the scope's node when empty."""
    footer: bool = True
    """Whether the footer offers it; movement keys are left to the help overlay."""
    takes: str = ""
    """On the `:` line the name of one such thing may follow, on which it is then done."""

    @property
    def id(self) -> str:
        """What the settings call it, such as `runs.cancel`."""
        return f"{self.scope}.{self.name}"


def _mode(number: int, name: str) -> Action:
    label, takes = name.capitalize(), LISTED.get(name, "")
    call = f"app.go('{name}')"
    return Action(name, str(number), label, f"Go to {label}", "app", call=call, footer=False, takes=takes)


def _theme(name: str) -> Action:
    label = f"theme_{name.replace('-', '_')}"
    return Action(
        label, "", label, f"Draw in the theme: {name}", "app", call=f"app.theme('{name}')", footer=False
    )


def _move(scope: str, rows: Iterable[Movement]) -> tuple[Action, ...]:
    """Movement keys of a widget."""
    return tuple(Action(name, keys, name, help, scope, call=name, footer=False) for name, keys, help in rows)


_ROWS: tuple[Action, ...] = (
    *(_mode(number, name) for number, name in enumerate(MODES, start=1)),
    Action("help", "question_mark", "help", "Show the keys that work here", "app"),
    Action("command", "colon", "command", "Type an action by its name", "app", footer=False),
    Action(
        "palette", "ctrl+p", "palette", "Search all actions", "app", call="app.command_palette", footer=False
    ),
    Action(
        "filter",
        "slash",
        "filter",
        "Show only the rows that match a regular expression; capitals are meant as such",
        "app",
        footer=False,
    ),
    Action(
        "zoom", "z", "zoom", "Give the pane in focus the whole screen, or give it back", "app", footer=False
    ),
    # A field takes the semicolon as text, and leaves ctrl+g, which every terminal carries.
    Action(
        "jump",
        "semicolon,ctrl+g",
        "jump",
        "Put a letter on each pane: it takes you there",
        "app",
        footer=False,
    ),
    Action(
        "mark_place",
        "quotation_mark",
        "mark place",
        "Let a letter mark this screen and row",
        "app",
        footer=False,
    ),
    Action(
        "go_to_mark", "apostrophe", "to mark", "Go back to the place that a letter marks", "app", footer=False
    ),
    Action("copy", "y", "copy", "Copy what is under the cursor (OSC 52)", "app", footer=False),
    Action(
        "back", "escape", "back", "Leave the field, the filter, the zoom or the dialog", "app", footer=False
    ),
    Action("quit", "q", "quit", "Leave the workbench; runs go on", "app"),
    Action("undo", "u", "undo", "Take back what was removed last", "app", footer=False),
    *(_theme(name) for name in THEME_NAMES),
    # Runs
    Action("new_run", "n", "new run", "Start a training run", "runs"),
    Action(
        "compare",
        "c",
        "compare",
        "Try the run's adapter, or its newest checkpoint, beside its base",
        "runs",
        takes="run",
    ),
    Action(
        "inspect", "i", "inspect", "Score the run's adapter and its base word by word", "runs", takes="run"
    ),
    Action("cancel", "x", "cancel", "Cancel the selected run", "runs", needs_live_run, takes="run"),
    Action(
        "pause",
        "p",
        "pause/resume",
        "Pause the selected run, or let it go on",
        "runs",
        needs_pausable_run,
        takes="run",
    ),
    Action("retry", "R", "retry", "Start the selected run anew", "runs", needs_ended_run, takes="run"),
    Action(
        "sooner",
        "K",
        "sooner",
        "Raise the queued run's priority: it starts before its equals",
        "runs",
        needs_queued_run,
        footer=False,
        takes="run",
    ),
    Action(
        "later",
        "J",
        "later",
        "Lower the queued run's priority: it starts after its equals",
        "runs",
        needs_queued_run,
        footer=False,
        takes="run",
    ),
    Action("metrics", "m", "metrics", "Choose the metrics that are drawn", "runs", needs_selection("run")),
    Action(
        "diff",
        "D",
        "differ",
        "Show what differs between the marked runs, or the selected one and the one under it",
        "runs",
    ),
    Action(
        "from_run",
        "f",
        "from this",
        "Start a run like the selected one: edit and start",
        "runs",
        needs_selection("run"),
        takes="run",
    ),
    Action(
        "smoother", "plus,equals_sign", "smooth", "Smooth the curves more", "runs", call="chart('smoother')"
    ),
    Action(
        "rougher", "minus", "rougher", "Smooth the curves less", "runs", call="chart('rougher')", footer=False
    ),
    Action(
        "log_axis",
        "L",
        "log",
        "Show the curves on a logarithmic axis, or not",
        "runs",
        call="chart('log_axis')",
    ),
    Action("next_axis", "t", "axis", "Draw over steps, tokens or time", "runs", call="chart('next_axis')"),
    Action("mark_all", "M", "mark all", "Mark all runs in the list, or none", "runs", footer=False),
    Action("newest", "F", "newest", "Go to each run as it begins, or stay", "runs", footer=False),
    Action(
        "replay",
        "v",
        "replay",
        "Let the curves of a run that is over grow again, or show all of them",
        "runs",
        needs_ended_run,
        footer=False,
    ),
    Action(
        "replay_faster",
        "greater_than_sign",
        "faster",
        "Replay twice as fast",
        "runs",
        call="replay_speed(1)",
        footer=False,
    ),
    Action(
        "replay_slower",
        "less_than_sign",
        "slower",
        "Replay half as fast",
        "runs",
        call="replay_speed(-1)",
        footer=False,
    ),
    Action(
        "samples",
        "s",
        "samples",
        "Show what the run answered to its pinned prompts, step by step",
        "runs",
        needs_selection("run"),
        takes="run",
    ),
    Action("remove", "d", "remove", "Remove the marked runs, or the selected one", "runs", footer=False),
    # Models
    Action("add", "a", "add", "Add a model: a folder or a Hub id", "models"),
    Action(
        "remove",
        "d",
        "remove",
        "Remove the selected model",
        "models",
        needs_selection("model"),
        takes="model",
    ),
    # Datasets
    Action("add", "a", "add", "Add a dataset: a file, a folder or a Hub id", "datasets"),
    Action("figures", "f", "figures", "Show figures of the columns, or the rows again", "datasets"),
    Action(
        "compose",
        "c",
        "compose",
        "Make a template for the dataset, and see its rows as tokens",
        "datasets",
        needs_selection("dataset"),
        takes="dataset",
    ),
    Action("split", "s", "split", "Divide the rows into train, test and validation", "datasets"),
    Action("go_to_row", "t", "to row", "Go to a row by its number", "datasets"),
    Action("next_split", "right_square_bracket", "next split", "Show the next split's rows", "datasets"),
    Action(
        "previous_split", "left_square_bracket", "before", "Show the split before", "datasets", footer=False
    ),
    Action(
        "next_match",
        "n",
        "next",
        "The next match of what {key:app.filter} looks for",
        "datasets",
        footer=False,
    ),
    Action("previous_match", "N", "before", "The match before", "datasets", footer=False),
    Action("copy_row", "Y", "copy row", "Copy the whole row as JSON (OSC 52)", "datasets"),
    Action("inbox", "i", "inbox", "What lies in the inbox folder, and what became of it", "datasets"),
    Action("unsplit", "U", "unsplit", "Take the last division of the dataset back", "datasets", footer=False),
    Action(
        "remove",
        "d",
        "remove",
        "Remove the selected dataset",
        "datasets",
        needs_selection("dataset"),
        takes="dataset",
    ),
    # Compose
    Action("new_template", "n", "new", "Make a template: what the dataset's columns suggest", "compose"),
    Action(
        "edit",
        "e",
        "edit",
        "Edit the template beside its preview; what is typed shows at once",
        "compose",
        needs_selection("template"),
        takes="template",
    ),
    Action("next_row", "right_square_bracket", "row", "Show the next row", "compose"),
    Action(
        "previous_row", "left_square_bracket", "row before", "Show the row before", "compose", footer=False
    ),
    Action("next_problem", "p", "problem", "Go to the next row that has a problem", "compose"),
    Action("previous_problem", "P", "before", "Go to the row with a problem before", "compose", footer=False),
    Action("next_variant", "v", "variant", "Show the next phrasing", "compose", needs_selection("template")),
    Action("ids", "i", "ids", "Show the tokens' ids, or hide them", "compose"),
    Action("batch", "b", "batch", "Show the row in a padded batch, or alone", "compose"),
    Action("start_run", "s", "train", "Start a run with this template, dataset and model", "compose"),
    Action("choose_rows", "r", "rows of", "Choose the dataset and split whose rows are shown", "compose"),
    Action("choose_model", "m", "model", "Choose the model whose tokens are shown", "compose"),
    Action("choose_length", "c", "cut at", "Choose the length that rows are cut off at", "compose"),
    Action("go_to_row", "t", "to row", "Go to a row by its number", "compose"),
    Action("figures", "f", "count", "Stop counting all rows, or count them again", "compose"),
    Action("mixtures", "x", "mixtures", "Show the mixtures, or the templates again", "compose"),
    Action(
        "edit_outside",
        "E",
        "editor",
        "Edit the template in $VISUAL or $EDITOR; the screens come back when it ends",
        "compose",
        needs_selection("template"),
    ),
    Action(
        "own_variant",
        "V",
        "own variant",
        "Show the phrasing that training deals to this row",
        "compose",
        needs_selection("template"),
        footer=False,
    ),
    Action("add", "a", "add", "Add a TOML file: a template, or a mixture where those are shown", "compose"),
    Action("remove", "d", "remove", "Remove the selected template or mixture", "compose"),
    # Adapters
    Action("compare", "c", "compare", "Let the marked adapters and their base answer", "adapters"),
    Action("add", "a", "add", "Add an adapter: a PEFT folder", "adapters"),
    Action("merge", "m", "merge", "Make a model of the adapter and its base, and check it", "adapters"),
    Action("export", "e", "export", "Write the adapter for PEFT, Ollama or llama.cpp", "adapters"),
    Action("combine", "b", "combine", "Make one LoRA adapter of the marked ones, weighted", "adapters"),
    Action("diff", "D", "differ", "Show what the adapter, or the two marked ones, change", "adapters"),
    Action("inbox", "i", "inbox", "What lies in the inbox folder, and what became of it", "adapters"),
    Action(
        "remove",
        "d",
        "remove",
        "Remove the selected adapter",
        "adapters",
        needs_selection("adapter"),
        takes="adapter",
    ),
    # Compare
    Action("ask", "a,ctrl+s", "ask", "Let the marked systems answer the prompt", "compare"),
    Action("next", "n", "next", "Take the next row of data, and ask", "compare"),
    Action("prompt", "p", "prompt", "Write the prompt; {key:app.back} leaves the field", "compare"),
    Action("stop", "x", "stop", "Stop the answers", "compare"),
    Action("blind", "b", "blind", "Ask blindly: answers shuffled and unnamed, or openly again", "compare"),
    Action("better", "v", "better", "Vote for the answer in focus", "compare"),
    Action("equal", "e", "equal", "Vote that none of the answers is better", "compare"),
    Action("detail", "d", "chances", "Show tokens by their probability, or differences again", "compare"),
    Action("solo", "o", "solo", "Show the answer in focus alone, or all again", "compare"),
    Action(
        "against", "c", "against", "Compare the others with the answer in focus, or mark nothing", "compare"
    ),
    Action("next_row", "right_square_bracket", "row", "Take the next row of data", "compare", call="row(1)"),
    Action(
        "previous_row",
        "left_square_bracket",
        "before",
        "Take the row of data before",
        "compare",
        call="row(-1)",
        footer=False,
    ),
    Action(
        "rows",
        "r",
        "rows of",
        "Choose the data and template that prompts are made of",
        "compare",
        call="choose('rows')",
    ),
    Action("go_to_row", "t", "to row", "Take a row by its number", "compare", call="choose('row')"),
    Action(
        "history", "H", "history", "Take a prompt that was typed before", "compare", call="choose('history')"
    ),
    Action("sampling", "s", "sampling", "Length, temperature and seed of the answers", "compare"),
    Action("model", "m", "model", "Choose the base model", "compare", call="choose('model')"),
    Action("wins", "w", "wins", "Show what blind votes have come to", "compare"),
    Action("inbox", "i", "inbox", "What lies in the inbox folder, and what became of it", "compare"),
    # Inspect
    Action("metric", "m", "metric", "The next of ROUGE-1, -2, -L, and BLEU by runs of 1 to 4", "inspect"),
    Action("previous_metric", "M", "before", "The metric before", "inspect", footer=False),
    Action("sort", "s", "sort", "Sort by the column in focus: greatest, least, in order", "inspect"),
    Action("gain", "x", "gain", "Sort by the difference of the systems", "inspect"),
    Action("overview", "v", "overview", "Show how the scores are spread, or the answers again", "inspect"),
    Action("next_pair", "right_square_bracket", "next", "The next row's answers", "inspect"),
    Action("previous_pair", "left_square_bracket", "before", "The answers of the row before", "inspect"),
    Action("evaluate", "e", "evaluate", "Let a base and an adapter answer a dataset and score it", "inspect"),
    Action("open", "o", "open file", "Open a JSONL file of predictions and references", "inspect"),
    Action("remove", "d", "remove", "Remove the selected evaluation", "inspect"),
    Action("resume", "r", "resume", "Let an evaluation that did not end go on with what it lacks", "inspect"),
    *(each for scope, rows in MOVEMENTS.items() for each in _move(scope, rows)),
)


def keys_of(table: Iterable[Action]) -> dict[str, str]:
    """The keys of a table by the actions' ids, several separated by commas."""
    return {action.id: action.key for action in table}


def with_keys(keys: Mapping[str, str]) -> tuple[Action, ...]:
    """The table with other keys, by the actions' ids; what the help tells of them is true of these."""
    known = keys_of(_ROWS) | dict(keys)
    return tuple(replace(row, key=known[row.id], help=fill(row.help, known)) for row in _ROWS)


ACTIONS = with_keys({})


def in_scope(scope: str, table: Iterable[Action] = ACTIONS) -> tuple[Action, ...]:
    """The actions of one scope, in the table's order."""
    return tuple(action for action in table if action.scope == scope)


def scopes_of(table: Iterable[Action]) -> list[str]:
    """The scopes of a table, in its order."""
    return list(dict.fromkeys(action.scope for action in table))


def table(node: DOMNode) -> tuple[Action, ...]:
    """The table with the keys that the user of this node's app has chosen."""
    found: tuple[Action, ...] = getattr(node.app, "actions", ACTIONS)
    return found


def find(scope: str, name: str) -> Action:
    """One action by scope and name.

    Raises:
        KeyError: when the table has none.
    """
    for action in ACTIONS:
        if action.scope == scope and action.name == name:
            return action
    raise KeyError(f"{scope}.{name}")


def bindings(scope: str) -> list[BindingType]:
    """The bindings of one scope; each goes through the app, which says why when an action cannot be done."""
    return [
        Binding(
            action.key,
            _binding_call(action),
            action.label,
            show=False,
            tooltip=action.help,
            id=action.id,
        )
        for action in in_scope(scope)
        if action.key
    ]


def _binding_call(action: Action) -> str:
    # Movement inside a widget needs no reason: it goes straight to the widget.
    return action.call if action.call == action.name else f"app.perform('{action.scope}', '{action.name}')"


def reason(action: Action, screen: Screen[Any]) -> str | None:
    """Why this action cannot be done now: the table's rule first, then the screen's own word."""
    why = _reason(action, screen)
    return fill(why, keys_of(table(screen))) if why is not None and "{" in why else why


def _reason(action: Action, screen: Screen[Any]) -> str | None:
    if action.why_not is not None and (why := action.why_not(screen)) is not None:
        return why
    own = getattr(screen, "why_not", None)
    if own is None or action.scope != getattr(screen, "scope", None):
        return None
    word: str | None = own(action.name)
    return word


def key_text(action: Action, *, all_keys: bool = False) -> str:
    """The key of an action as a user would write it; all of its keys for the help overlay."""
    keys = [written(key) for key in action.key.split(",") if key]
    return " ".join(keys) if all_keys else (keys[0] if keys else "")
