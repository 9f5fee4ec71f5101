import pytest
import torch

from freshet.errors import FreshetError
from freshet.model import device


def test_auto_takes_a_device_that_is_there():
    assert device.select_device("auto") == device.select_device(device.select_device("auto").type)


def test_the_cpu_is_always_there():
    assert device.select_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("asked", ["abacus", "cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(asked):
    with pytest.raises(FreshetError) as error:
        device.select_device(asked)
    assert str(error.value) == f"FRESHET_TRAINING_DEVICE={asked}: not on this machine (there is: cpu); set it to auto"


@pytest.mark.parametrize(
    ("asked", "activations", "rounded"),
    [("bf16", 1, True), ("fp32", 1 << 30, False), ("auto", device.MIN_BF16_ACTIVATIONS - 1, False)],
)
def test_a_cpu_trains_in_bfloat16_only_where_that_is_asked_for_or_large(asked, activations, rounded):
    assert device.use_bf16(torch.device("cpu"), asked, activations) == rounded


@pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("avx512_bf16"), reason="the processor has no bfloat16 instructions"
)
def test_a_cpu_with_instructions_for_it_trains_large_batches_in_bfloat16():
    assert device.use_bf16(torch.device("cpu"), "auto", device.MIN_BF16_ACTIVATIONS)


def test_the_cpu_is_named_with_its_threads():
    assert device.device_name(torch.device("cpu")) == f"cpu ({torch.get_num_threads()} threads)"


def test_the_memory_of_a_process_that_has_imported_torch_is_counted_in_bytes():
    assert 2**26 < device.peak_memory(torch.device("cpu")) < 2**40
