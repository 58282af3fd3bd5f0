"""When memory runs out."""

import gc

import torch


def out_of_memory(error: RuntimeError) -> bool:
    """Whether `error` is a device's, or the machine's, memory being used up."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    # The CPU's allocator and Apple's have no exception of their own.
    text = str(error)
    return "can't allocate memory" in text or "out of memory" in text


def release_memory() -> None:
    """Gives back what a failed attempt holds, so that a smaller one can have it."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
