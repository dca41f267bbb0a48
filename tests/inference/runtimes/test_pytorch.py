"""What is PyTorch's alone among the runtimes."""

import numpy as np
import pytest

from inference import runtimes
from inference.errors import RuntimeUnavailable
from inference.runtimes import devices
from tests.inference.runtimes.cases import CASES, made

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the `torch` extra)")

SCRIPT = next(case for case in CASES if case.runtime == "torchscript")


def test_one_thread_answers_a_call_in_plain_arrays():
    toy = made(SCRIPT)
    model = toy.load("torchscript")
    assert torch.get_num_threads() == 1
    labels = model.predict(toy.feeds()).labels
    assert isinstance(labels, np.ndarray)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize(("device", "is_taken"), [("cpu", True), ("auto", True), ("cuda", False)])
def test_the_device_is_taken_from_the_setting_and_cuda_must_exist(monkeypatch, device, is_taken):
    monkeypatch.setattr(devices, "torch_device", device)
    toy = made(SCRIPT)
    if is_taken:
        assert toy.ask(toy.load("torchscript")).predictions == toy.predictions
        return
    with pytest.raises(RuntimeUnavailable, match="no such device"):
        runtimes.get("torchscript").load(toy.artifact, toy.signature)
