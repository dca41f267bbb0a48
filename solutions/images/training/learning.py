"""Fits the two networks. Needs PyTorch; the same seed, machine and libraries yield the same weights."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from solutions.images.training.measuring import Array, Measured
from solutions.images.training.networks import LogoClassifier, QualityPredictor

_LOGOS_AT_ONCE = 16
_RATE = 3e-3
_DECAY = 1e-3

Progress = Callable[[int, int], None]
Loss = Callable[[Array], Tensor]


def fit_quality(data: Measured, chosen: Array, watched: Array, *, epochs: int, seed: int, progress: Progress) -> (
    QualityPredictor
):  # fmt: skip
    """Least squares on SSIM. chosen, watched: places of the logos to learn from, and to stop by."""
    torch.manual_seed(seed)
    network = QualityPredictor()
    params, ssim = torch.from_numpy(data.params), torch.from_numpy(data.ssim)

    def loss(places: Array) -> Tensor:
        seen = network.tower(_turned(data.pixels[places], network.training))
        conversions = params.shape[1]
        given = params[places].reshape(-1, params.shape[2])
        told = network.judge(seen.repeat_interleave(conversions, dim=0), given)
        return nn.functional.mse_loss(told.reshape(-1, conversions), ssim[places])

    _fit(network, loss, chosen, watched, epochs=epochs, seed=seed, progress=progress)
    return network


def fit_classifier(data: Measured, chosen: Array, watched: Array, *, families: int, epochs: int, seed: int,
                   progress: Progress) -> LogoClassifier:  # fmt: skip
    """Cross entropy on the family, labels smoothed a little; then a logistic regression on what was learnt and more."""
    torch.manual_seed(seed + 1)
    network = LogoClassifier(families)
    family = torch.from_numpy(data.family).long()

    def loss(places: Array) -> Tensor:
        scores = network.scores(_turned(data.pixels[places], network.training))
        return nn.functional.cross_entropy(scores, family[places], label_smoothing=0.05)

    _fit(network, loss, chosen, watched, epochs=epochs, seed=seed, progress=progress)
    weigh_evidence(network, data.where(np.concatenate([chosen, watched])))
    return network


def weigh_evidence(network: LogoClassifier, data: Measured) -> None:
    """Fit the classifier's last layer: multinomial logistic regression on standardised evidence."""
    rows = _in_parts(data.pixels, network.evidence)
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    fitted = LogisticRegression(max_iter=2000).fit((rows - mean) / spread, data.family)
    weights = fitted.coef_ / spread
    with torch.no_grad():
        network.final.weight.copy_(torch.from_numpy(weights))
        network.final.bias.copy_(torch.from_numpy(fitted.intercept_ - weights @ mean))


def _fit(network: nn.Module, loss: Loss, chosen: Array, watched: Array, *, epochs: int, seed: int,
         progress: Progress) -> None:  # fmt: skip
    """AdamW with one cycle of the rate; keeps the weights that did best on the watched logos."""
    rng = np.random.default_rng([seed, 3])
    torch.manual_seed(seed + 2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    steps = -(-len(chosen) // _LOGOS_AT_ONCE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps * epochs)
    best, best_loss = copy.deepcopy(network.state_dict()), float("inf")
    for epoch in range(epochs):
        network.train()
        for places in np.array_split(rng.permutation(chosen), steps):
            optimiser.zero_grad()
            loss(places).backward()
            optimiser.step()
            schedule.step()
        network.eval()
        with torch.no_grad():
            parts = np.array_split(watched, max(1, len(watched) // 64))
            now = float(np.average([float(loss(part)) for part in parts], weights=[len(part) for part in parts]))
        if now < best_loss:
            best, best_loss = copy.deepcopy(network.state_dict()), now
        progress(epoch + 1, epochs)
    network.load_state_dict(best)
    network.eval()


def _turned(pixels: Array, is_training: bool) -> Tensor:
    """(N, 224, 224, 3) bytes → (N, 3, 224, 224) from 0 to 1; in training turned, mirrored and with channels swapped.

    None of that changes a logo's family, or more than a little of what a conversion keeps of it.
    """
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    if not is_training:
        return batch
    changed = []
    for one in batch:
        quarter, mirrored = int(torch.randint(4, ())), bool(torch.randint(2, ()))
        turned = torch.rot90(one[torch.randperm(3)], quarter, (1, 2))
        changed.append(turned.flip(2) if mirrored else turned)
    return torch.stack(changed)


def told_quality(network: QualityPredictor, pixels: Array, params: Array) -> Array:
    """(logos, conversions): what the network says of each."""
    found = []
    with torch.no_grad():
        for places in np.array_split(np.arange(len(pixels)), max(1, len(pixels) // 32)):
            seen = network.tower(_turned(pixels[places], False)).repeat_interleave(params.shape[1], dim=0)
            given = torch.from_numpy(params[places]).reshape(-1, params.shape[2])
            found.append(network.judge(seen, given).reshape(len(places), -1).numpy())
    return np.concatenate(found)


def told_families(network: LogoClassifier, pixels: Array) -> Array:
    """(logos, families): probabilities."""
    return _in_parts(pixels, network)


def _in_parts(pixels: Array, ask: Callable[[Tensor], Tensor]) -> Array:
    parts = np.array_split(np.arange(len(pixels)), max(1, len(pixels) // 32))
    with torch.no_grad():
        return np.concatenate([ask(_turned(pixels[places], False)).numpy() for places in parts])
