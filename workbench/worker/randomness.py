"""Random states: what is computed on the side leaves them as they were, and a checkpoint keeps them."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


@contextlib.contextmanager
def untouched_randomness() -> Iterator[None]:
    """Give every generator back as it was: training after an evaluation equals training without one."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def snapshot() -> dict[str, Any]:
    """The state of every generator of this process, in values that JSON can hold."""
    name, words, *rest = np.random.get_state()
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "python": random.getstate(),
        "numpy": [name, [int(word) for word in words], *rest],
        "torch": torch.get_rng_state().tolist(),  # [bytes of the generator]
        "cuda": [state.tolist() for state in devices],
    }


def restore(states: dict[str, Any]) -> None:
    """Set every generator to what `snapshot` has seen; GPUs that are not here any more are passed over."""
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, words, *rest = states["numpy"]
    np.random.set_state((name, np.array(words, dtype=np.uint32), *rest))
    torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
    for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(torch.tensor(state, dtype=torch.uint8), device)


def repeat_to_the_bit() -> None:
    """Let a GPU use only kernels that give the same bits each time; a step may take somewhat longer.

    The variable that cuBLAS needs for it must stand in the environment before CUDA starts: `runs.repeating`.
    """
    torch.use_deterministic_algorithms(True)
    # Filling what is about to be written anyway costs time and decides nothing here.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    # Its backward pass adds up in the order in which threads come.
    torch.backends.cuda.enable_mem_efficient_sdp(False)
