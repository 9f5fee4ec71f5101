"""Devices: selection, matrix precision, names and peak memory."""

import os
import resource
import sys

import torch

from freshet.errors import FreshetError

MIN_BF16_CELLS = 1 << 20  # smaller matrix products gain little from bfloat16
MIN_BF16_ACTIVATIONS = 1 << 18  # the same limit for the activations of a layer


def select_device(setting: str) -> torch.device:
    """Return the device of that name; `auto` is the first of cuda, mps, cpu that is available.

    Raises FreshetError if the device is not available.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if setting == "auto":
        return torch.device(next(name for name, is_available in available.items() if is_available))
    if not available.get(setting, False):
        names = ", ".join(name for name in available if available[name])
        what = f"not available on this machine (available: {names})"
        raise FreshetError(f"FRESHET_TRAINING_DEVICE={setting}", what, "set it to auto")
    return torch.device(setting)


def use_bf16(device: torch.device, precision: str, activations: int) -> bool:
    """Whether the matrix products of a training are computed in bfloat16.

    precision: `bf16`, `fp32` or `auto`, which is bf16 on a GPU, and on a CPU that supports it if a layer has enough
    activations (events of a batch × hidden_dim) to gain more than the conversion costs.
    """
    if precision != "auto":
        return precision == "bf16"
    return device.type == "cuda" or (_cpu_has_bf16(device) and activations >= MIN_BF16_ACTIVATIONS)


def use_all_cores() -> None:
    """Let torch use the cores that this process may run on; by default it counts those of the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(cores)


def matrix_precision(device: torch.device, cells: int) -> torch.dtype:
    """Return bfloat16 for a product of at least MIN_BF16_CELLS on hardware that supports it, otherwise float32."""
    if cells < MIN_BF16_CELLS:
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if _cpu_has_bf16(device) else torch.float32


def _cpu_has_bf16(device: torch.device) -> bool:
    """Whether the device is a CPU with matrix instructions for bfloat16."""
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def device_name(device: torch.device) -> str:
    """Return a readable name: `cpu (2 threads)`, `cuda (NVIDIA H200)`."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)" if device.type == "cpu" else device.type


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
