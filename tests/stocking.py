"""What a store of tests is filled with: rows, templates, and a queue that starts nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from store import Store
from workbench.processes import HeldLock
from workbench.runs import queue


def add_rows(store: Store, name: str, rows: Sequence[Mapping[str, Any]], split: str = "train") -> None:
    """Add rows as a split of a dataset."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{split}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        store.datasets.add(str(path), name=name, split=split)


def add_template(
    store: Store,
    name: str = "t",
    prompt: str = "{{ dialogue }} ",
    completion: str = "{{ summary }}",
    more: Sequence[tuple[str, str]] = (),
) -> None:
    """Add a template of one variant, or of several."""
    pairs = [(prompt, completion), *more]
    variants = "".join(
        f'[[variants]]\nname = "v{number}"\nprompt = {json.dumps(first)}\ncompletion = {json.dumps(then)}\n'
        for number, (first, then) in enumerate(pairs)
    )
    add_text(store.templates, f'name = "{name}"\ntask = "test"\n{variants}')


def add_text(kind: Any, text: str) -> None:
    """Add a template or a mixture as a person writes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.toml"
        path.write_text(text, encoding="utf-8")
        kind.add(path)


@contextmanager
def held_queue(store: Store) -> Iterator[None]:
    """Hold the queue's lock, so that no dispatcher starts."""
    lock = HeldLock.take(store.root / queue.LOCK)
    assert lock is not None
    with lock:
        yield
