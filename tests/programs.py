"""Toy PyTorch programs, as the files that their authors would upload. Import it behind `importorskip("torch")`."""

import io
import json
import warnings
from typing import Any

import torch
from torch import nn


class Quality(nn.Module):
    """An image and a parameter vector give one number from 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.judge = nn.Sequential(nn.Linear(4 + 8, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, image: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        seen = self.look(image).flatten(1)
        return torch.sigmoid(self.judge(torch.cat([seen, parameters], dim=1)))


class Network(nn.Module):
    """Four columns, the probabilities of three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layers(x)
        return answer


class Words(nn.Module):
    """Takes whole numbers and says so only when it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.meanings, self.judge = nn.Embedding(50, 8), nn.Linear(8, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.judge(self.meanings(ids).mean(1))


class Labelled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        scores = self.layer(x).softmax(1)
        return {"label": scores.argmax(1), "probabilities": scores}


class Repeats(nn.Module):
    """Control flow that is the same for all rows."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor, steps: int = 3) -> torch.Tensor:
        for _ in range(steps):
            x = torch.tanh(self.layer(x))
        total = x.sum(1)
        return torch.where(total > 0, total, total * 0.5)


class Halves(nn.Module):
    """Steps as long as anything is large: a loop whose end nobody knows. Where it ends does not change the answer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps = 0
        while float(x.abs().max()) > 1.0 and steps < 100:
            x, steps = x / 2, steps + 1
        return x.sum(1) * (2.0**steps)


class Exotic(nn.Module):
    """Uses an operator that ONNX does not have."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.matrix_exp(torch.diag_embed(x)).sum(2).sum(1)


class Hangs(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps = 0
        while steps >= 0:
            steps = (steps + 1) % 1000
        return x.sum(1)


class Hoards(nn.Module):
    """Asks for 100 GiB."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum(1) + torch.zeros([26843545600]).sum()


class Writes(nn.Module):
    """Maps a file for writing, which creates it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mapped = torch.from_file(self.path, True, 10)
        mapped.fill_(1.0)
        return x.sum(1) + mapped.sum()


def made(module: nn.Module) -> nn.Module:
    """The module with weights that are the same in every run, in evaluation mode."""
    random = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weights in module.parameters():
            weights.copy_(torch.rand(weights.shape, generator=random) - 0.5)
    return module.eval()


def scripted(module: nn.Module, about: dict[str, Any] | None = None) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _saved(torch.jit.script(module), about)


def traced(module: nn.Module, *inputs: torch.Tensor) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _saved(torch.jit.trace(module, inputs), None)


def _saved(module: Any, about: dict[str, Any] | None) -> bytes:
    buffer = io.BytesIO()
    extra = {"signature.json": json.dumps(about)} if about else None
    torch.jit.save(module, buffer, _extra_files=extra)
    return buffer.getvalue()


def exported(
    module: nn.Module, *inputs: torch.Tensor, dynamic: bool = True, about: dict[str, Any] | None = None
) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = {0: torch.export.Dim("rows")}
        program = torch.export.export(module, inputs, dynamic_shapes=tuple(rows for _ in inputs) if dynamic else None)
        buffer = io.BytesIO()
        torch.export.save(program, buffer, extra_files={"signature.json": json.dumps(about)} if about else None)
    return buffer.getvalue()


def saved(thing: Any) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def answers(module: nn.Module, *inputs: Any) -> Any:
    """What the module itself says, as plain lists."""
    with torch.no_grad():
        return module(*[torch.tensor(rows, dtype=torch.float32) for rows in inputs]).tolist()
