"""The two networks, small enough to be trained on two cores in minutes. Needs PyTorch.

Both see 224 × 224 pixels. A first layer with steps of four pixels looks at all of them and leaves 56 × 56 places, so
that what follows is cheap. The classifier is also told how much of a picture changes by steps of about a hundredth:
that is what tells colours that run into each other from flat ones.
"""

import torch
from torch import Tensor, nn

from solutions.images.parameters import PARAMETERS

# From no step at all to one of a hundredth, and from two hundredths to five: where a step counts as gentle.
_ANY, _LARGE = 100.0, 32.0


class Tower(nn.Module):
    """(N, 3, 224, 224) from 0 to 1 → (N, width): what is on average in the picture, and the most of it anywhere."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for at, after in enumerate(channels):
            kernel, stride, padding = (4, 4, 0) if at == 0 else (3, 2, 1)
            layers += [nn.Conv2d(before, after, kernel, stride, padding, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*layers)
        self.width = 2 * before

    def forward(self, image: Tensor) -> Tensor:
        maps = self.layers(image * 2 - 1)
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)


def gentleness(image: Tensor) -> Tensor:
    """(N, 3, H, W) → (N, 2): shares of pixels that differ at all, and gently, from those below and right of them."""
    grey = image.mean(1)
    here = grey[:, :-1, :-1]
    step = (grey[:, 1:, :-1] - here).abs() + (grey[:, :-1, 1:] - here).abs()
    differs = (step * _ANY).clamp(max=1.0)
    gently = differs * (1.0 - (step - 0.02) * _LARGE).clamp(min=0.0, max=1.0)
    return torch.stack([differs.mean((1, 2)), gently.mean((1, 2))], dim=1)


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
    """The family of a logo. forward: (N, 3, 224, 224) → (N, families), probabilities.

    `final` weighs what the network makes of the picture with its gentleness; it is fitted after the rest.
    """

    def __init__(self, families: int) -> None:
        super().__init__()
        self.tower = Tower((24, 32, 48, 64))
        self.head = nn.Linear(self.tower.width, families)
        self.final = nn.Linear(families + 2, families)

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.final(self.evidence(image)), dim=1)

    def scores(self, image: Tensor) -> Tensor:
        """What the convolutions are trained on."""
        scores: Tensor = self.head(self.tower(image))
        return scores

    def evidence(self, image: Tensor) -> Tensor:
        """(N, families + 2): the scores, and the two shares."""
        return torch.cat([self.scores(image), gentleness(image)], dim=1)
