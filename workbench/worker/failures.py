"""What went wrong with a job, in one line a person understands, and what to do about it.

The full traceback is in the job's log; this is what the catalog and the screens show.
"""

from __future__ import annotations

import errno

from store.errors import BadInput, StoreError

_LESS_MEMORY = (
    "lower batch_size (raise gradient_accumulation_steps to make up for it) or max_length, "
    "set gradient_checkpointing=true, or use qlora"
)

_FROM_THE_DRIVER = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
"""What libraries say that take GPU memory by themselves, past torch's own reckoning."""


def explain(error: BaseException, run_id: str) -> tuple[str, str]:
    """Say what an error means.

    Args:
        error: What ended the job.
        run_id: The run, for where to read more.

    Returns:
        (what is wrong, what to do), one line each.
    """
    if isinstance(error, StoreError):
        return error.what, error.remedy
    text = " ".join(str(error).split())[:300]
    if _is_out_of_gpu_memory(error):
        return f"out of GPU memory: {text}", _LESS_MEMORY
    if isinstance(error, MemoryError) or "can't allocate memory" in text or "not enough memory" in text:
        return "out of memory", _LESS_MEMORY
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text:
        return "the disk is full", "free some space and start the run again"
    return f"{type(error).__name__}: {text or 'no message'}", f"read its log: workbench run logs {run_id}"


def not_numbers(adapter: str | None = None) -> BadInput:
    """What is wrong with an adapter, or with a whole model, whose weights overflow."""
    whose = "the model's" if adapter is None else f"adapter {adapter!r}: its"
    return BadInput(f"{whose} scores are not numbers", "train it again with a lower learning rate")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, the device's or the host's."""
    return explain(error, "")[0].startswith("out of") and not isinstance(error, StoreError)


def _is_out_of_gpu_memory(error: BaseException) -> bool:
    # By name: this module is read before torch is, and must work where importing torch is what failed.
    named = any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__)
    return named or (isinstance(error, RuntimeError) and any(told in str(error) for told in _FROM_THE_DRIVER))
