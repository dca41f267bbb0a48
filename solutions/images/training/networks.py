"""The two networks, small enough to be trained on two cores in minutes. Needs PyTorch.

Both see 224 × 224 pixels. A first layer with steps of four pixels looks at all of them and leaves 56 × 56 places, so
that what follows is cheap. The classifier also sees how little each pixel differs from its neighbours: colours that run
into each other do so by steps of a hundredth.
"""

import torch
from torch import Tensor, nn

from solutions.images.parameters import PARAMETERS

_STEPS = 16.0
"""Differences are made so many times larger, and cut off at one."""


class Tower(nn.Module):
    """(N, 3, 224, 224) from 0 to 1 → (N, width): what is on average in the picture, and the most of it anywhere."""

    def __init__(self, channels: tuple[int, ...], *, sees_steps: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 6 if sees_steps else 3
        for at, after in enumerate(channels):
            kernel, stride, padding = (4, 4, 0) if at == 0 else (3, 2, 1)
            layers += [nn.Conv2d(before, after, kernel, stride, padding, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*layers)
        self.width = 2 * before
        self.sees_steps = sees_steps

    def forward(self, image: Tensor) -> Tensor:
        seen = image * 2 - 1
        maps = self.layers(torch.cat([seen, _steps(image)], dim=1) if self.sees_steps else seen)
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)


def _steps(image: Tensor) -> Tensor:
    """How far each pixel is from the ones below and right of it, in each channel."""
    here = image[:, :, :-1, :-1]
    down, right = (image[:, :, 1:, :-1] - here).abs(), (image[:, :, :-1, 1:] - here).abs()
    return nn.functional.pad(((down + right) * _STEPS).clamp(max=1.0), (0, 1, 0, 1))


class QualityPredictor(nn.Module):
    """SSIM that a conversion will have. forward: (N, 3, 224, 224) and (N, 8) raw parameters → (N, 1) from 0 to 1."""

    lowest: Tensor
    span: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.tower = Tower((24, 32, 48, 64))
        self.register_buffer("lowest", torch.tensor([one.lowest for one in PARAMETERS], dtype=torch.float32))
        spans = [one.highest - one.lowest for one in PARAMETERS]
        self.register_buffer("span", torch.tensor(spans, dtype=torch.float32))
        self.settings = nn.Sequential(nn.Linear(len(PARAMETERS), 32), nn.ReLU())
        self.head = nn.Sequential(
            nn.Linear(self.tower.width + 32, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 1)
        )

    def forward(self, image: Tensor, parameters: Tensor) -> Tensor:
        return self.judge(self.tower(image), parameters)

    def judge(self, seen: Tensor, parameters: Tensor) -> Tensor:
        """The answer where the picture was looked at before."""
        given = (parameters - self.lowest) / self.span * 2 - 1
        logits: Tensor = self.head(torch.cat([seen, self.settings(given)], dim=1))
        return torch.sigmoid(logits)


class LogoClassifier(nn.Module):
    """The family of a logo. forward: (N, 3, 224, 224) → (N, families), probabilities."""

    def __init__(self, families: int) -> None:
        super().__init__()
        self.tower = Tower((24, 32, 48, 64), sees_steps=True)
        self.head = nn.Linear(self.tower.width, families)

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.scores(image), dim=1)

    def scores(self, image: Tensor) -> Tensor:
        """What training works on: the probabilities before they are made to add up to one."""
        scores: Tensor = self.head(self.tower(image))
        return scores
