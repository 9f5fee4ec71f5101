"""The device of a training and its precision."""

import pytest
import torch

from freshet.errors import FreshetError
from freshet.model import device


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_auto_is_the_cpu_without_a_gpu():
    assert device.select_device("auto") == torch.device("cpu")


def test_the_cpu_is_always_available():
    assert device.select_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("setting", ["abacus", "cuda", "mps"])
def test_a_missing_device_is_refused(setting):
    with pytest.raises(FreshetError) as error:
        device.select_device(setting)
    assert str(error.value) == (
        f"FRESHET_TRAINING_DEVICE={setting}: not available on this machine (available: cpu); set it to auto"
    )


@pytest.mark.parametrize(
    ("precision", "activations", "expected"),
    [("bf16", 1, True), ("fp32", 1 << 30, False), ("auto", device.MIN_BF16_ACTIVATIONS - 1, False)],
)
def test_a_cpu_trains_in_bfloat16_only_if_set_or_for_large_batches(precision, activations, expected):
    assert device.use_bf16(torch.device("cpu"), precision, activations) == expected


@pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("avx512_bf16"), reason="the processor has no bfloat16 instructions"
)
def test_a_cpu_with_instructions_for_it_trains_large_batches_in_bfloat16():
    assert device.use_bf16(torch.device("cpu"), "auto", device.MIN_BF16_ACTIVATIONS)


def test_the_cpu_is_named_with_its_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert device.device_name(torch.device("cpu")) == "cpu (1 threads)"
    torch.set_num_threads(threads)


def test_the_memory_of_a_process_that_has_imported_torch_is_counted_in_bytes():
    assert 2**26 < device.peak_memory(torch.device("cpu")) < 2**40
