"""A store as a busy group has it after years, made by SQL alone: records without files, in some seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from store import Store, open_store

ADAPTERS = 100_000
RUNS = 10_000
POINTS = 5_000_000
LONG_RUN = "r1"
"""The run that a fifth of the points belong to."""
METRICS = ("loss", "grad_norm")
STEPS = 2 * POINTS // 5 // RUNS
"""Steps of every other run."""
LONG_STEPS = POINTS // 5 // len(METRICS)
SPIKE_STEP = LONG_STEPS // 3
SPIKE = 1000.0
"""A loss of the long run that no drawing of it may leave out."""
_COUNTED = "with recursive counted(n) as (select 1 union all select n + 1 from counted where n < ?)"
_LINEAGE: dict[str, Any] = {
    "base": {"name": "base", "fingerprint": "f" * 64, "source": "/models/base", "revision": None},
    "dataset": {"name": "dialogues", "split": "train", "fingerprint": "d" * 64, "rows": 12_460},
    "template": {"name": "summarise", "hash": "a" * 64},
    "packages": dict.fromkeys(("torch", "transformers", "peft", "datasets", "accelerate"), "1.2.3"),
    "seeds": {"data": 0, "training": 0},
    "device": {"name": "NVIDIA H200", "bytes": 150_000_000_000},
}
_SETTINGS: dict[str, Any] = {
    "max_steps": STEPS,
    "learning_rate": 2e-4,
    "batch_size": 8,
    "max_length": 512,
    "r": 16,
    "lora_alpha": 32,
    "target_modules": ["q_proj", "v_proj"],
    "seed": 0,
}


def write_big_store(root: Path, *, adapters: int = ADAPTERS, runs: int = RUNS, points: bool = True) -> Path:
    """Make the store, and return its folder."""
    with open_store(root) as store:
        store.db.conn.execute("pragma synchronous = off")
        store.db.conn.execute("begin immediate")
        _add_base(store)
        _add_runs(store, runs)
        _add_adapters(store, adapters, runs)
        if points:
            _add_points(store, runs)
        store.db.conn.execute("commit")
        store.db.conn.execute("pragma wal_checkpoint(truncate)")
    return root


def _add_base(store: Store) -> None:
    store.db.conn.execute(
        "insert into models values ('base', 'causal', 'LlamaForCausalLM', 1000, 4000, 'float32', 384, 512, 0,"
        " '/models/base', null, ?, ?)",
        ["f" * 64, time.time()],
    )


def _add_runs(store: Store, runs: int) -> None:
    store.db.conn.execute(
        f"""{_COUNTED} insert into runs (id, name, status, model, dataset, template, method, settings,
                lineage, step, total_steps, adapter, error, created, started, ended, heartbeat)
            select n, 'dialogue-' || (n % 97) || '-' || n,
                case n % 7 when 0 then 'failed' when 1 then 'cancelled' else 'completed' end,
                'base', 'dialogues', 'summarise', case n % 2 when 0 then 'lora' else 'ia3' end, ?, ?,
                ?, ?, 'adapter-' || n, case n % 7 when 0 then 'CUDA out of memory' end,
                :now - (:runs - n) * 600, :now - (:runs - n) * 600, :now - (:runs - n) * 600 + 300,
                :now - (:runs - n) * 600 + 300
            from counted""".replace(":now", repr(time.time())).replace(":runs", str(runs)),  # noqa: S608 (numbers)
        [runs, json.dumps(_SETTINGS), json.dumps(_LINEAGE), STEPS, STEPS],
    )


def _add_adapters(store: Store, adapters: int, runs: int) -> None:
    store.db.conn.execute(
        f"""{_COUNTED} insert into adapters
            select 'adapter-' || n, 'base', ?, case n % 2 when 0 then 'lora' else 'ia3' end, 'LORA',
                case when n <= {runs} then 'r' || n end, 1000000 + n, 4000000 + n, ?,
                {time.time()} - ({adapters} - n) * 60
            from counted""",  # noqa: S608 (numbers of ours)
        [adapters, "f" * 64, "e" * 64],
    )


def _add_points(store: Store, runs: int) -> None:
    """The points of each run lie together, as those of runs that went one after another do."""
    conn = store.db.conn
    conn.executemany(
        "insert into metric_names values (?, ?)", [(at, name) for at, name in enumerate(METRICS, 1)]
    )
    value = "2.0 / (1 + steps.n * 0.01) + (steps.n * 7919 % 101) * 0.001"
    # Without its index the table takes them three times as fast.
    conn.execute("drop index points_by_run")
    for first, last, steps in ((1, 1, LONG_STEPS), (2, runs, STEPS)):
        conn.execute(
            f"""with recursive steps(n) as (select 1 union all select n + 1 from steps where n < {steps})
                insert into points (run, name, step, kind, value, time)
                select runs.id, names.id, steps.n, 0, {value}, runs.started + steps.n * 0.001
                from runs, metric_names as names, steps where runs.id between {first} and {last}""",  # noqa: S608 (numbers of ours)
        )
    conn.execute("update runs set step = ?, total_steps = ? where id = 1", [LONG_STEPS, LONG_STEPS])
    conn.execute("update points set value = ? where run = 1 and name = 1 and step = ?", [SPIKE, SPIKE_STEP])
    conn.execute("create index points_by_run on points (run, name, step)")
