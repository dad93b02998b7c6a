"""What a person set in `.workbench.toml`: where the file is found, what each key means, and its default.

It reads one file and no environment beyond `WORKBENCH_STORE` and the folders; it opens no store.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from store.errors import BadInput, near

PROJECT_FILE = ".workbench.toml"
PERSONAL_FILE = "workbench/workbench.toml"
KEYS_HELP = (
    "Keys of the screens: an action's id and its key, or a list of keys in place of those it has. "
    "`workbench help keys` lists the actions: an id is the last word of the heading there, a dot, the action."
)

Keys = Mapping[str, tuple[str, ...]]
"""The keys of actions that a person chose, by the actions' ids, such as `runs.cancel`."""


@dataclass(frozen=True)
class StoreSection:
    """`[store]`"""

    path: str = field(
        default="",
        metadata={
            "help": "Folder of the local store; relative to this file. Empty: the platform's data folder. "
            "The variable WORKBENCH_STORE and the option --store come before it."
        },
    )
    trash_days: int = field(
        default=7,
        metadata={
            "help": "Days for which what was removed can be taken back, by u or `workbench trash restore`; 0 "
            "deletes it at once.",
            "low": 0,
        },
    )


@dataclass(frozen=True)
class ServeSection:
    """`[serve]`"""

    idle_seconds: int = field(
        default=600,
        metadata={"help": "Seconds without a request after which a model server ends.", "low": 1},
    )


@dataclass(frozen=True)
class QueueSection:
    """`[queue]`"""

    slots: str | int = field(
        default="auto",
        metadata={
            "help": "Most runs at a time on one device. auto: on a GPU two, where both are predicted to fit; "
            "on a machine without one, one. A number also lets runs share whose memory was not predicted.",
            "words": ("auto",),
            "low": 1,
        },
    )


@dataclass(frozen=True)
class UiSection:
    """`[ui]`"""

    ascii: bool = field(
        default=False,
        metadata={"help": "Draw with ASCII characters alone, for terminals without Unicode fonts."},
    )
    color: str = field(
        default="auto",
        metadata={
            "help": "Colours: auto (what the terminal can show; none under NO_COLOR), never, or so many: "
            "16, 256 or truecolor.",
            "choices": ("auto", "never", "16", "256", "truecolor"),
        },
    )
    theme: str = field(
        default="night",
        metadata={
            "help": "The colours of the screens: night, light, high-contrast, colour-blind, or terminal (the "
            "16 that the terminal itself is set to). What was chosen on the screens since comes before it.",
            "choices": ("night", "light", "high-contrast", "colour-blind", "terminal"),
        },
    )
    profile: str = field(
        default="auto",
        metadata={
            "help": "How calmly the screens are drawn: ssh (12 frames a second at most), local (30), or "
            "auto: ssh in an SSH session.",
            "choices": ("auto", "local", "ssh"),
        },
    )
    sync: str = field(
        default="auto",
        metadata={
            "help": "Whole frames by synchronized output: auto (where the terminal offers it, and not in "
            "tmux, which repaints its pane for each) or never.",
            "choices": ("auto", "never"),
        },
    )
    mouse: bool = field(
        default=True,
        metadata={
            "help": "Take mouse clicks and the wheel. false leaves the mouse to the terminal, so that it "
            "marks text as usual.",
        },
    )


@dataclass(frozen=True)
class AlertsSection:
    """`[alerts]`"""

    bell: bool = field(
        default=True,
        metadata={"help": "Ring the terminal's bell when a run is in trouble or has ended."},
    )
    osc: bool = field(
        default=True,
        metadata={
            "help": "Send the terminal a notification as well (OSC 9 and OSC 777). In tmux it passes where "
            "`set -g allow-passthrough on` is set."
        },
    )
    command: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "A program and its arguments that the queue runs for every alert and every run that "
            "ends; it reads what happened as JSON. Taken from ~/.config/workbench/workbench.toml alone: a "
            "file that comes with a project may not name programs."
        },
    )


@dataclass(frozen=True)
class Settings:
    """Every key of `.workbench.toml`, by section."""

    store: StoreSection = StoreSection()
    serve: ServeSection = ServeSection()
    queue: QueueSection = QueueSection()
    ui: UiSection = UiSection()
    alerts: AlertsSection = AlertsSection()
    keys: Keys = field(default_factory=dict)  # which actions there are, only the screens know
    file: Path | None = None  # where they were read; None: the defaults


def sections() -> dict[str, Any]:
    """The sections whose keys stand fast, with their defaults, by name."""
    return {each.name: each.default for each in fields(Settings) if is_dataclass(each.default)}


def load_settings(start: Path) -> Settings:
    """Read the nearest settings file.

    Args:
        start: The folder to search from; its parents follow, then the personal file in `~/.config/workbench`.

    Returns:
        The settings; the defaults where no file or no key says otherwise.

    Raises:
        BadInput: The file is no TOML, or holds unknown keys or wrong values; all of them are named.
    """
    path = next((candidate for candidate in _candidates(start) if candidate.is_file()), None)
    return Settings() if path is None else read_settings(path)


def read_settings(path: Path) -> Settings:
    """Read one settings file; see `load_settings` for what it returns and raises."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror})", "give yourself read permission or remove it"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not a TOML file ({error})", "mend that place of the file") from error
    known = sections()
    faults = list(_unknown(document, [*known, "keys"], ""))
    for name, default in known.items():
        if name in document:
            faults += _section_faults(name, default, document[name])
    faults += _key_faults(document.get("keys", {}))
    if document.get("alerts", {}).get("command") and not faults and path != personal_file():
        faults.append(f"[alerts] command is taken from {personal_file()} alone")
    if faults:
        raise BadInput(f"{path}: " + "; ".join(faults), "mend or delete these keys")
    made = {name: replace(default, **_frozen(document.get(name, {}))) for name, default in known.items()}
    return Settings(**made, keys=dict(_keys(document.get("keys", {}))), file=path)


def alert_command() -> tuple[str, ...]:
    """What the queue runs for alerts: from the personal file, whatever project this is; empty for nothing.

    Raises:
        BadInput: The file is no TOML, or holds unknown keys or wrong values.
    """
    path = personal_file()
    return read_settings(path).alerts.command if path.is_file() else ()


def personal_file() -> Path:
    """The settings file of this user."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / PERSONAL_FILE


def store_path(option: str | None) -> Path | None:
    """Choose the store's folder: `--store`, else `WORKBENCH_STORE`, else `[store] path` of the settings.

    Args:
        option: What `--store` was given, if anything.

    Returns:
        The folder, or None where nobody chose one: the store then takes the platform's data folder.
    """
    chosen = option or os.environ.get("WORKBENCH_STORE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    settings = load_settings(Path.cwd())
    if settings.file is None or not settings.store.path:
        return None
    return (settings.file.parent / Path(settings.store.path).expanduser()).absolute()


def _candidates(start: Path) -> Iterator[Path]:
    folder = start.absolute()
    for each in (folder, *folder.parents):
        yield each / PROJECT_FILE
    yield personal_file()


def _section_faults(name: str, default: Any, found: Any) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{name} = {found!r} is not a section; write [{name}] above its keys"
        return
    known = {each.name: each for each in fields(default)}
    yield from _unknown(found, known.keys(), f"[{name}] ")
    for key, each in known.items():
        if key in found:
            yield from _value_faults(f"[{name}] {key}", getattr(default, key), found[key], each.metadata)


def _value_faults(label: str, default: Any, value: Any, rule: Mapping[str, Any]) -> Iterator[str]:
    kinds = {bool: "true or false", int: "a whole number", str: "a text in quotes"}
    if "words" in rule:
        if value not in rule["words"] and (type(value) is not int or value < rule["low"]):
            words = " or ".join(f'"{word}"' for word in rule["words"])
            yield f"{label} = {value!r} must be {words} or a whole number of at least {rule['low']}"
    elif isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            yield f'{label} = {value!r} must be a list of texts, such as ["notify-send", "workbench"]'
    elif type(value) is not type(default):
        yield f"{label} = {value!r} must be {kinds[type(default)]}"
    elif "choices" in rule and value not in rule["choices"]:
        yield f"{label} = {value!r} must be one of {', '.join(rule['choices'])}"
    elif "low" in rule and value < rule["low"]:
        yield f"{label} = {value!r} must be at least {rule['low']}"


def _key_faults(found: Any) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"keys = {found!r} is not a section; write [keys] above its keys"
        return
    for action, value in _flat(found):
        listed = value if isinstance(value, list) else [value]
        if not listed or not all(isinstance(each, str) and each for each in listed):
            yield f'[keys] {action} = {value!r} must be a key such as "x", or a list of keys'


def _keys(found: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for action, value in _flat(found):
        yield action, tuple(value) if isinstance(value, list) else (value,)


def _flat(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Actions by their ids: TOML reads `runs.cancel = "X"` as a table of its own."""
    for scope, value in found.items():
        if isinstance(value, dict):
            yield from ((f"{scope}.{name}", each) for name, each in value.items())
        else:
            yield scope, value


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _unknown(found: dict[str, Any], known: Collection[str], where: str) -> Iterator[str]:
    for key in (each for each in found if each not in known):
        nearest = near(key, known)
        meant = f"did you mean {nearest!r}?" if nearest else f"known are {', '.join(sorted(known))}"
        yield f"unknown key {where}{key!r}, {meant}"
