"""The order of rows is a function of seed and epoch; states of any kind come back as they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from store import BadInput
from workbench.worker import plain, randomness
from workbench.worker.order import EpochOrder, shuffled


def test_an_epochs_order_is_the_same_whatever_happened_before() -> None:
    """Every row once; other epochs and other seeds give others; global generators play no part."""
    order = EpochOrder(shuffled(100, seed=3), 100)
    order.set_epoch(4)
    fourth = list(order)
    torch.manual_seed(1)
    np.random.seed(1)
    for epoch in (0, 7, 4):
        order.set_epoch(epoch)
        walked = list(order)
        assert sorted(walked) == list(range(100)) and len(order) == 100
        assert (walked == fourth) == (epoch == 4)
    other = EpochOrder(shuffled(100, seed=4), 100)
    other.set_epoch(4)
    assert list(other) != fourth


def test_any_state_comes_back_to_the_bit(tmp_path: Path) -> None:
    """Tuples, keys that are no texts, numbers that are none, every kind of tensor, shared ones once."""
    shared = torch.arange(6, dtype=torch.uint8)
    state = {
        "betas": (0.9, 0.999),
        "none": None,
        "flag": True,
        "tiny": 5e-324,
        "infinite": float("inf"),
        3: {"step": torch.tensor(7.0), "odd": torch.randn(4, 4, dtype=torch.bfloat16).t()},
        "shared": [shared, shared, shared[2:]],
        "empty": torch.empty(0),
    }
    plain.save(tmp_path / "state.json", state)
    loaded = plain.load(tmp_path / "state.json")
    assert list(loaded) == list(state)
    for key in ("betas", "none", "flag", "tiny", "infinite"):
        assert loaded[key] == state[key] and type(loaded[key]) is type(state[key])
    assert torch.equal(loaded[3]["odd"], state[3]["odd"]) and loaded[3]["odd"].dtype == torch.bfloat16
    assert loaded[3]["step"] == 7 and loaded["empty"].shape == (0,)
    assert [each.tolist() for each in loaded["shared"]] == [each.tolist() for each in state["shared"]]
    assert loaded["shared"][0] is loaded["shared"][1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "state.safetensors"]


def test_what_is_no_plain_state_is_refused_by_its_place(tmp_path: Path) -> None:
    """Never a pickle."""
    with pytest.raises(BadInput, match=r"state.group.0 is a function"):
        plain.save(tmp_path / "state.json", {"group": [lambda: None]})


def test_all_generators_go_on_where_they_were(tmp_path: Path) -> None:
    """Python's, numpy's and torch's, through a file."""
    import random

    def draws() -> tuple[float, float, float, float]:
        return random.random(), np.random.rand(), np.random.randn(), float(torch.rand(()))

    draws()
    (tmp_path / "r.json").write_text(json.dumps(randomness.snapshot()))
    expected = draws(), draws()
    randomness.restore(json.loads((tmp_path / "r.json").read_text()))
    assert (draws(), draws()) == expected
