"""Checkpoints of a training in several processes: sharded weights and moments, all random states."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Two processes train a small network whose weights are sharded over them, with dropout that differs in each.
# They stop after three of six steps; two fresh ones go on from the checkpoint.
TRAINING = """
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.optim.lr_scheduler import LambdaLR

from workbench.worker import checkpoint, ranks

folder, part = Path(sys.argv[1]), sys.argv[2]
distributed.init_process_group("gloo")
torch.manual_seed(7)
model = nn.Sequential(nn.Linear(6, 10), nn.Dropout(0.5), nn.Linear(10, 3))
fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
torch.manual_seed(100 + ranks.rank())
optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
scheduler = LambdaLR(optimizer, lambda step: 1 / (1 + step))
training = checkpoint.Training(model, optimizer, scheduler)
intervals = {"logging_steps": 1, "eval_steps": 1, "save_steps": 1}
state = SimpleNamespace(global_step=3, epoch=0.0, train_batch_size=4, **intervals)
first = 0
if part == "second":
    checkpoint.restore_weights(folder, model)
    checkpoint.restore_optimizer(folder, training)
    checkpoint.restore_randomness(folder)
    first = 3
for step in range(first, 6):
    if step == 3 and part == "whole":
        contents = checkpoint.collect(training)
        if ranks.rank() == 0:
            checkpoint.write(folder, training, contents, state, {})
    inputs = torch.full((4, 6), float(step + 1)) + ranks.rank()
    loss = model(inputs).square().mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
assert ranks.decided(ranks.rank() == 0) and ranks.gathered(ranks.rank()) == [0, 1]
weights = {name: ranks.whole(weight.detach()) for name, weight in model.named_parameters()}
if ranks.rank() == 0:
    assert len(weights) == 4
    (folder / f"{part}.txt").write_text(repr({name: each.tolist() for name, each in weights.items()}))
distributed.barrier()
distributed.destroy_process_group()
"""


def trained(script: Path, folder: Path, part: str) -> str:
    """What two processes come to."""
    argv = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [*argv, str(script), str(folder), part], env=env, capture_output=True, text=True, timeout=500
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return (folder / f"{part}.txt").read_text()


@pytest.mark.slow
def test_two_processes_go_on_to_the_bit(tmp_path: Path) -> None:
    """Sharded weights, both moments, the schedule, and dropout that is another one in each process."""
    script, folder = tmp_path / "training.py", tmp_path / "step-3"
    script.write_text(TRAINING)
    folder.mkdir()
    whole = trained(script, folder, "whole")
    assert trained(script, folder, "second") == whole
