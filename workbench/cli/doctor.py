"""`workbench doctor`: what this machine has, what is missing, and the remedy. It changes nothing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import click
from packaging.requirements import Requirement

from store import default_path
from store.db import sqlite3, sqlite_version_is_safe
from store.errors import StoreError
from store.places import check_folder_is_local
from workbench.cli import figures
from workbench.cli.output import Column, cell, note, status, table
from workbench.cli.screens import key_groups
from workbench.cli.session import Session, json_option, pass_session
from workbench.processes import worker_environment
from workbench.settings import UiSection, load_settings, store_path
from workbench.telemetry import read_gpus, read_host
from workbench.terminal import Terminal, look_at

OLDEST_PYTHON = (3, 11)
PROBE_SECONDS = 120.0
LOW_DISK_BYTES, NO_DISK_BYTES = 20 * 1024**3, 1024**3
SMALLEST_TERMINAL = (80, 24)
# Torch takes seconds to load and may crash on a bad driver: it is asked in a process of its own.
PROBE = """
import json, torch
answer = {"torch": torch.__version__, "cuda": torch.version.cuda, "devices": []}
answer["threads"] = torch.get_num_threads()
if torch.cuda.is_available():
    for index in range(torch.cuda.device_count()):
        answer["devices"].append(torch.cuda.get_device_name(index))
    answer["bf16"] = torch.cuda.is_bf16_supported()
try:
    import bitsandbytes
    answer["bitsandbytes"] = bitsandbytes.__version__
except Exception as error:
    answer["bitsandbytes_error"] = f"{type(error).__name__}: {error}"
print(json.dumps(answer))
"""
Verdict = Literal["ok", "warning", "missing"]
COLUMNS = (
    Column("CHECK", lambda finding: finding.check),
    Column("", lambda finding: status(finding.verdict)),
    Column("FOUND", lambda finding: cell(finding.found)),
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


@click.command()
@json_option
@pass_session
def command(session: Session) -> None:
    """Say what this machine has, what is missing, and the remedy; exit 1 when something needed is missing."""
    findings = list(examine(session.store_option, session.ui))
    session.show({"ok": not _missing(findings), "checks": findings}, _report(findings))
    if _missing(findings):
        if not session.as_json:
            note("something needed is missing: follow the remedies above")
        raise click.exceptions.Exit(1)


def examine(store_option: str | None, ui: UiSection) -> Iterator[Finding]:
    """Look at everything the workbench needs, one thing after another."""
    yield _python()
    yield _sqlite()
    yield from _packages()
    yield _settings()
    yield from _store(store_option)
    yield from _terminal(ui)
    yield from _devices()  # last: it takes seconds


def _missing(findings: list[Finding]) -> bool:
    return any(finding.verdict == "missing" for finding in findings)


def _report(findings: list[Finding]) -> str:
    remedies = [f"  {finding.check}: {cell(finding.remedy, 500)}" for finding in findings if finding.remedy]
    parts = [table(COLUMNS, findings, empty="")]
    return "\n".join([*parts, "", "Remedies", *remedies] if remedies else parts)


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Finding("python", "ok", found)
    return Finding("python", "missing", found, "install Python 3.11 or newer and make a new venv with it")


def _sqlite() -> Finding:
    found = f"SQLite {sqlite3.sqlite_version} ({sqlite3.__name__})"
    if sqlite_version_is_safe():
        return Finding("sqlite", "ok", found)
    return Finding("sqlite", "missing", found, "it can lose committed rows: pip install 'pysqlite3>=0.6.1'")


def _packages() -> Iterator[Finding]:
    for line in metadata.requires("finetuning-workbench") or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _package(requirement)


def _package(requirement: Requirement) -> Finding:
    wanted = f"{requirement.name}{requirement.specifier}"
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding(requirement.name, "missing", "not installed", f"pip install '{wanted}'")
    if requirement.specifier.contains(version, prereleases=True):
        return Finding(requirement.name, "ok", version)
    return Finding(requirement.name, "missing", f"{version}, wanted {wanted}", f"pip install '{wanted}'")


def _devices() -> Iterator[Finding]:
    gpus = read_gpus()
    for gpu in gpus:
        free = figures.size(gpu.total_bytes - gpu.used_bytes)
        yield Finding(f"gpu {gpu.index}", "ok", f"{gpu.name}, {figures.size(gpu.total_bytes)}, {free} free")
    if not gpus:
        host = read_host()
        found = f"none; {os.cpu_count()} CPU cores, {figures.size(host.memory_total_bytes)} memory"
        yield Finding(
            "gpu", "warning", found, "small models train on the CPU; for large ones install NVIDIA's driver"
        )
    answer = _probe()
    if isinstance(answer, str):
        yield Finding("torch device", "missing", answer, "reinstall it: pip install --force-reinstall torch")
        return
    yield _torch(answer, bool(gpus))
    yield _bitsandbytes(answer)


def _probe() -> dict[str, Any] | str:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", PROBE],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            env=worker_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"torch did not answer within {PROBE_SECONDS:.0f} seconds"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return f"torch cannot be used: {last}"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _torch(answer: dict[str, Any], has_gpu: bool) -> Finding:
    if answer["devices"]:
        precision = "bfloat16" if answer["bf16"] else "float16"
        found = f"CUDA {answer['cuda']}, {precision}: {', '.join(answer['devices'])}"
        return Finding("torch device", "ok", found)
    found = f"CPU, {answer['threads']} threads"
    if not has_gpu:
        return Finding("torch device", "ok", found)
    remedy = "this torch does not reach the GPU: install the build for its driver, see pytorch.org"
    return Finding("torch device", "warning", found, remedy)


def _bitsandbytes(answer: dict[str, Any]) -> Finding:
    if "bitsandbytes" in answer:
        return Finding("4-bit bases", "ok", f"bitsandbytes {answer['bitsandbytes']}")
    found = answer["bitsandbytes_error"]
    return Finding(
        "4-bit bases", "warning", found, "qlora needs it: pip install --force-reinstall bitsandbytes"
    )


def _settings() -> Finding:
    try:
        settings = load_settings(Path.cwd())
        if settings.keys:
            key_groups(settings)  # it refuses keys that the screens cannot take
    except StoreError as error:
        return Finding("settings", "missing", error.what, error.remedy)
    return Finding(
        "settings", "ok", str(settings.file) if settings.file else "no .workbench.toml: the defaults"
    )


def _store(option: str | None) -> Iterator[Finding]:
    try:
        root = (store_path(option) or default_path()).resolve()
        there = next(each for each in (root, *root.parents) if each.exists())
        check_folder_is_local(there)
    except (StoreError, OSError) as error:
        remedy = error.remedy if isinstance(error, StoreError) else "name another folder with --store"
        yield Finding("store", "missing", getattr(error, "what", str(error)), remedy)
        return
    yield _store_folder(root, there)
    free = shutil.disk_usage(there).free
    verdict: Verdict = "missing" if free < NO_DISK_BYTES else "warning" if free < LOW_DISK_BYTES else "ok"
    remedy = "" if verdict == "ok" else "free some space, or choose a store on another disk"
    yield Finding("disk", verdict, f"{figures.size(free)} free", remedy)


def _store_folder(root: Path, there: Path) -> Finding:
    facts = there.stat()
    mode = stat.S_IMODE(facts.st_mode)
    if not there.is_dir():
        return Finding("store", "missing", f"{there} is no folder", "name another folder with --store")
    if root != there:
        if os.access(there, os.W_OK | os.X_OK):
            return Finding("store", "ok", f"{root} (not made yet)")
        return Finding("store", "missing", f"{there} is not writable", "name another folder with --store")
    if facts.st_uid != os.geteuid():
        found = f"{root} belongs to uid {facts.st_uid}, you are {os.geteuid()}"
        return Finding("store", "missing", found, "name a folder of your own with --store")
    if mode & 0o077:
        return Finding(
            "store", "warning", f"{root}, mode {mode:04o}", f"others can look in: chmod 700 {root}"
        )
    return Finding("store", "ok", f"{root}, yours, mode {mode:04o}")


def _terminal(ui: UiSection) -> Iterator[Finding]:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        yield Finding("terminal", "ok", "none here (the commands need none)")
        return
    size = shutil.get_terminal_size()
    found = f"{size.columns}x{size.lines}, {_drawing(look_at(ui, os.environ))}"
    small = size.columns < SMALLEST_TERMINAL[0] or size.lines < SMALLEST_TERMINAL[1]
    yield Finding("terminal", "warning" if small else "ok", found, "make it 80x24 or larger" if small else "")
    utf8 = (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"
    remedy = "" if utf8 else "export LC_ALL=C.UTF-8, or set [ui] ascii = true"
    yield Finding("characters", "ok" if utf8 else "warning", sys.stderr.encoding or "unknown", remedy)


def _drawing(terminal: Terminal) -> str:
    colours = {"none": "no colours", "truecolor": "16.7 million colours"}
    parts = [colours.get(terminal.colours, f"{terminal.colours} colours"), f"profile {terminal.profile}"]
    if terminal.multiplexer:
        parts.append(f"in {terminal.multiplexer}")
    return ", ".join(parts)
