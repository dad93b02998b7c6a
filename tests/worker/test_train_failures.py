"""What ends a run is told in one line with a way on; the traceback stays in the log."""

from __future__ import annotations

import errno

import pytest
import torch

from store.errors import Conflict
from workbench.worker.failures import explain

ERRORS = [
    (Conflict("the name is taken", "choose another"), "the name is taken", "choose another"),
    (torch.OutOfMemoryError("CUDA out of memory.\nTried 2 GiB"), "out of GPU memory", "batch_size"),
    (MemoryError(), "out of memory", "gradient_checkpointing"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory", "qlora"),
    (OSError(errno.ENOSPC, "No space left on device"), "the disk is full", "free some space"),
    (RuntimeError("I/O error: No space left on device (os error 28)"), "the disk is full", "free some space"),
    (KeyError("lm_head"), "KeyError: 'lm_head'", "workbench run logs r7"),
    (RuntimeError(""), "RuntimeError: no message", "workbench run logs r7"),
]


@pytest.mark.parametrize(("error", "what", "hint"), ERRORS, ids=lambda value: str(value)[:30])
def test_an_error_is_told_in_one_line_with_a_way_on(error: Exception, what: str, hint: str) -> None:
    """Whatever it was."""
    told, way = explain(error, "r7")
    assert what in told and hint in way
    assert "\n" not in told + way
