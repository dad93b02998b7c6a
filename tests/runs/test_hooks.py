"""The person's own program: told of every alert and end, once, whatever it does with it."""

from __future__ import annotations

import json
import stat
import sys
import time
from pathlib import Path

import pytest

from store import Store
from store.errors import BadInput
from store.runs import Run
from workbench import processes
from workbench.runs import hooks
from workbench.runs.hooks import Hooks
from workbench.settings import PERSONAL_FILE, PROJECT_FILE, alert_command, load_settings

SCRIPT = """#!{python}
import json, os, sys
told = json.load(sys.stdin)
told["environment"] = {{name: os.environ[name] for name in os.environ if name.startswith("WORKBENCH_")}}
told["arguments"] = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(told) + "\\n")
"""


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    """What the script of `script` wrote, a line for each time."""
    return tmp_path / "heard.jsonl"


@pytest.fixture
def script(tmp_path: Path, heard: Path) -> Path:
    """A program that writes down what it was told."""
    path = tmp_path / "a hook; rm -rf.py"
    path.write_text(SCRIPT.format(python=sys.executable, log=str(heard)))
    path.chmod(stat.S_IRWXU)
    return path


def running(store: Store, name: str = "first") -> Run:
    """A run at work."""
    run = store.runs.create(
        name=name, model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    store.runs.claim(run.id, "n")
    store.runs.identify(run.id, processes.me("n"))
    return store.runs.begin(run.id, 10)


def working(store: Store) -> list[Run]:
    """The runs at work."""
    return [run for run in store.runs.list() if run.live]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_program_is_told_of_alerts_and_ends_once(store: Store, script: Path, heard: Path) -> None:
    """As JSON and in the environment; its path and arguments pass no shell."""
    said: list[str] = []
    told = Hooks(store, said.append, command=lambda: (str(script), "$HOME", "two words"))
    run = running(store)
    told.turn(working(store))
    store.alerts.append(run.id, 7, "divergence", "the loss is 9, it was 1 at its best")
    told.turn(working(store))
    store.runs.complete(run.id, "made")
    told.turn(working(store))
    told.turn(working(store))
    told.close()
    alert, end = lines(heard)
    assert (alert["event"], alert["kind"]) == ("alert", "divergence")
    assert (alert["run"], alert["name"]) == (run.id, "first")
    assert (alert["step"], alert["total_steps"], alert["store"]) == (7, 10, str(store.root))
    assert alert["message"] == "the loss is 9, it was 1 at its best"
    assert alert["arguments"] == ["$HOME", "two words"]
    environment = alert["environment"]
    assert isinstance(environment, dict)
    assert environment["WORKBENCH_KIND"] == "divergence" and environment["WORKBENCH_STEP"] == "7"
    assert (end["event"], end["kind"], end["message"]) == ("end", "completed", "adapter made")
    assert said == []


def test_another_dispatcher_neither_forgets_nor_repeats(store: Store, script: Path, heard: Path) -> None:
    """What came while none lived is told by the next; what lies before the first is not news."""
    run = running(store)
    store.alerts.append(run.id, 1, "nan", "before there was a dispatcher")

    def turn() -> None:
        told = Hooks(store, print, command=lambda: (str(script),))
        told.turn(working(store))
        told.close()

    turn()
    assert lines(heard) == []
    store.alerts.append(run.id, 2, "memory", "while none lived")
    store.runs.fail(run.id, "it broke", "mend it")
    turn()
    turn()
    assert [(each["kind"], each["message"]) for each in lines(heard)] == [
        ("memory", "while none lived"),
        ("failed", "it broke"),
    ]


def test_what_cannot_be_remembered_is_told_later_and_harms_nothing(
    store: Store, script: Path, heard: Path
) -> None:
    """As on a full disk: nothing is raised, and nothing is told twice."""
    told = Hooks(store, print, command=lambda: (str(script),))
    run = running(store)
    told.turn(working(store))
    (store.root / hooks.STATE).unlink()
    (store.root / hooks.STATE).mkdir()
    store.alerts.append(run.id, 1, "disk", "little is left")
    told.turn(working(store))
    told.turn(working(store))
    (store.root / hooks.STATE).rmdir()
    told.turn(working(store))
    told.turn(working(store))
    told.close()
    assert [each["kind"] for each in lines(heard)] == ["disk"]


def test_a_hostile_text_reaches_the_program_as_harmless_lines(
    store: Store, script: Path, heard: Path
) -> None:
    """No control character, no NUL that would end it, in JSON and environment alike."""
    run = running(store)
    told = Hooks(store, print, command=lambda: (str(script),))
    told.turn(working(store))
    store.runs.fail(run.id, "bad\x1b]0;title\x07\x00\nnext", "-")
    told.turn(working(store))
    told.close()
    (end,) = lines(heard)
    assert str(end["message"]).isprintable()
    assert isinstance(end["environment"], dict)
    assert end["environment"]["WORKBENCH_MESSAGE"] == end["message"]


@pytest.mark.parametrize(
    "body, expected",
    [
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("import subprocess, time; subprocess.Popen(['sleep', '600']); time.sleep(600)", "was ended after"),
    ],
)
def test_a_program_that_fails_or_hangs_harms_nothing(store: Store, body: str, expected: str) -> None:
    """It is said once; a hanging one is ended with all that it started."""
    said: list[str] = []
    told = Hooks(store, said.append, command=lambda: (sys.executable, "-c", body), seconds=2.0)
    run = running(store)
    told.turn(working(store))
    store.alerts.append(run.id, 1, "disk", "little is left")
    began = time.monotonic()
    told.turn(working(store))
    assert time.monotonic() - began < 1  # the dispatcher does not wait
    told.close()
    assert len(said) == 1 and expected in said[0] and "disk of r1" in said[0]
    assert store.runs.get(run.id).status == "running"


def test_a_program_that_is_not_there_is_said(store: Store) -> None:
    said: list[str] = []
    told = Hooks(store, said.append, command=lambda: ("/nowhere/at/all",))
    run = running(store)
    told.turn(working(store))
    store.alerts.append(run.id, 1, "disk", "little is left")
    told.turn(working(store))
    told.close()
    assert len(said) == 1 and "/nowhere/at/all for disk of r1 cannot be started" in said[0]


def test_the_dispatcher_runs_the_program_of_the_personal_settings(
    store: Store, script: Path, heard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real dispatcher, as a process, for a run whose trainer is gone."""
    personal = tmp_path / "config" / PERSONAL_FILE
    personal.parent.mkdir(parents=True)
    personal.write_text(f"[alerts]\ncommand = [{json.dumps(str(script))}]\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    run = running(store)
    (store.root / hooks.STATE).write_text(json.dumps({"alert": 0, "live": [run.id]}))
    store.alerts.append(run.id, 3, "nan", "the loss of step 3 is nan")
    log = tmp_path / "queue.log"
    processes.spawn(
        processes.module_argv("workbench.runs.queue", "--store", str(store.root)), log=log, cwd=store.root
    ).wait(60)
    assert [each["kind"] for each in lines(heard)] == ["nan", "interrupted"], log.read_text()


def test_only_the_personal_settings_may_name_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that came with a project is refused, and says where the key belongs."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert alert_command() == ()
    project = tmp_path / "project"
    project.mkdir()
    (project / PROJECT_FILE).write_text('[alerts]\ncommand = ["evil"]\n')
    with pytest.raises(BadInput, match=r"command is taken from .*workbench.toml alone"):
        load_settings(project)
    assert alert_command() == ()
    (project / PROJECT_FILE).write_text("[alerts]\nbell = false\ncommand = []\n")
    assert not load_settings(project).alerts.bell
    personal = tmp_path / "config" / PERSONAL_FILE
    personal.parent.mkdir(parents=True)
    personal.write_text('[alerts]\ncommand = ["notify", "me"]\n')
    assert alert_command() == ("notify", "me")
    personal.write_text('[alerts]\ncommand = "notify me"\n')
    with pytest.raises(BadInput, match="must be a list of texts"):
        alert_command()
