"""Where the model trains, and what it took."""

import os
import resource
import sys

import torch

from freshet.errors import FreshetError

MIN_BF16_CELLS = 1 << 20  # cells of a product below which bfloat16 gains next to nothing
MIN_BF16_ACTIVATIONS = 1 << 18  # the same for the activations of a layer


def select_device(setting: str) -> torch.device:
    """The device asked for; `auto` takes the first of cuda, mps, cpu that works here.

    Raises FreshetError if the device asked for is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if setting == "auto":
        return torch.device(next(name for name, is_available in available.items() if is_available))
    if not available.get(setting, False):
        there = ", ".join(name for name in available if available[name])
        raise FreshetError(
            f"FRESHET_TRAINING_DEVICE={setting}", f"not on this machine (there is: {there})", "set it to auto"
        )
    return torch.device(setting)


def use_bf16(device: torch.device, precision: str, activations: int) -> bool:
    """Whether matrix products of a training run in bfloat16.

    asked: `bf16`, `fp32` or `auto`, which is bf16 on a GPU, and on a CPU with instructions for it where a layer has
    enough activations (rows of a batch × width) to gain more than the rounding costs.
    """
    if precision != "auto":
        return precision == "bf16"
    return device.type == "cuda" or (_cpu_has_bf16(device) and activations >= MIN_BF16_ACTIVATIONS)


def use_all_cores() -> None:
    """Let torch use the cores this process may run on; in a container it would count the whole machine's."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(cores)


def matrix_precision(device: torch.device, cells: int) -> torch.dtype:
    """Of a matrix product with so many cells: bfloat16 where it is large and the hardware has it, else float32."""
    if cells < MIN_BF16_CELLS:
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if _cpu_has_bf16(device) else torch.float32


def _cpu_has_bf16(device: torch.device) -> bool:
    """Whether it is a CPU with matrix instructions for bfloat16."""
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def device_name(device: torch.device) -> str:
    """As a person would say it: `cpu (2 threads)`, `cuda (NVIDIA H200)`."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)" if device.type == "cpu" else device.type


def peak_memory(device: torch.device) -> int:
    """Bytes: the most that lay on the GPU, or the most this process has held so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
