"""Trains the three models on logos that are drawn for it; `shipped` reads what a training left in `data/`.

Logos are held out whole: no logo is both learnt from and judged by, whatever its conversions. Takes the extras
`torch` and `images-train`, and a few minutes on two cores.
"""

import base64
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from solutions import shipping
from solutions.images import ADVICE, FAMILIES, FAMILY, QUALITY, features, parameters
from solutions.saving import saved
from solutions.trained import TrainedModel
from solutions.work import Work, needs

DATA = Path(__file__).parent.parent / "data"
LEARNT, WATCHED, HELD_OUT = range(150), range(150, 180), range(180, 240)
"""Numbers of the logos, of each family: to learn from, to stop by, to judge by."""
QUALITY_EPOCHS, FAMILY_EPOCHS = 40, 40
SAMPLE_ROWS = 8
_TITLES = {
    QUALITY: "How much of a logo vectorising with eight parameters will keep: SSIM from 0 to 1.",
    FAMILY: "What kind of logo it is: simple, gradient, text or complex.",
    ADVICE: "Which conversion parameters suit a picture, from what can be counted in it.",
}


def shipped() -> list[TrainedModel]:
    """What the repository ships: ONNX, so that a demo needs no PyTorch."""
    return shipping.read(DATA)


def train(work: Work) -> list[TrainedModel]:
    """Raises ExtraMissing, TrainingCancelled."""
    for module, extra in (("torch", "torch"), ("onnxscript", "torch"), ("vtracer", "images-train"),
                          ("resvg_py", "images-train"), ("skimage", "images-train")):  # fmt: skip
        needs(module, extra=extra)
    from solutions.images.training.measuring import Measured, measure_all

    everything = range(HELD_OUT.stop)
    content = work.kept(
        "measured.npz",
        lambda: measure_all(
            everything, seed=work.seed, workers=min(os.cpu_count() or 1, 8), progress=_step(work, "converting logos", 0)
        ).to_bytes(),
    )
    data = Measured.from_bytes(content)
    return [_quality(work, data), _families(work, data), _advice(work, data)]


def _quality(work: Work, data: Any) -> TrainedModel:
    import torch

    from solutions.images.training import exporting, judging, learning
    from solutions.images.training.networks import QualityPredictor

    _settle(torch)
    learnt, watched, held_out = (_places(data, numbers) for numbers in (LEARNT, WATCHED, HELD_OUT))
    weights = work.kept(
        "quality.pt",
        lambda: _weights(
            learning.fit_quality(
                data, learnt, watched, epochs=QUALITY_EPOCHS, seed=work.seed,
                progress=_step(work, "learning quality", 1),
            )
        ),
    )  # fmt: skip
    network = _with_weights(QualityPredictor(), weights)
    judged = data.where(held_out)
    told = learning.told_quality(network, judged.pixels, judged.params)
    figures, facts = judging.of_quality(judged, told, mean=float(data.ssim[learnt].mean()), seed=work.seed)
    rows, expected = _quality_rows(judged, told)
    return TrainedModel(
        name=QUALITY,
        artifact=exporting.to_torchscript(network, with_parameters=True, task="regression"),
        filename=f"{QUALITY}.torchscript",
        task="regression",
        handler="tensor",
        description=_TITLES[QUALITY],
        sample=rows,
        expected=expected,
        figures=figures,
        facts=facts,
        light=exporting.to_onnx(network, with_parameters=True, output="ssim"),
    )


def _families(work: Work, data: Any) -> TrainedModel:
    import torch

    from solutions.images.training import exporting, judging, learning
    from solutions.images.training.networks import LogoClassifier

    _settle(torch)
    learnt, watched, held_out = (_places(data, numbers) for numbers in (LEARNT, WATCHED, HELD_OUT))
    weights = work.kept(
        "families.pt",
        lambda: _weights(
            learning.fit_classifier(
                data, learnt, watched, families=len(FAMILIES), epochs=FAMILY_EPOCHS, seed=work.seed,
                progress=_step(work, "learning families", 2),
            )
        ),
    )  # fmt: skip
    network = _with_weights(LogoClassifier(len(FAMILIES)), weights)
    judged = data.where(held_out)
    told = learning.told_families(network, judged.pixels)
    figures, facts = judging.of_families(judged, told, seed=work.seed)
    return TrainedModel(
        name=FAMILY,
        artifact=exporting.to_onnx(
            network, with_parameters=False, output="probabilities", classes=FAMILIES
        ),
        filename=f"{FAMILY}.onnx",
        task="classification",
        handler="tensor",
        description=_TITLES[FAMILY],
        sample=[as_base64(pixels) for pixels in judged.pixels[:SAMPLE_ROWS]],
        expected=[FAMILIES[at] for at in told[:SAMPLE_ROWS].argmax(axis=1)],
        figures=figures,
        facts=facts,
    )  # fmt: skip


def _advice(work: Work, data: Any) -> TrainedModel:
    from solutions.images.training import advising, judging

    learnt, held_out = _places(data, [*LEARNT, *WATCHED]), _places(data, HELD_OUT)
    counted = advising.features_of(data)
    model = advising.fit(
        data.where(learnt), counted[learnt], seed=work.seed, progress=_step(work, "searching for good parameters", 3)
    )
    import pandas as pd

    rows = pd.DataFrame(counted, columns=list(features.NAMES))
    judged, told = data.where(held_out), model.predict(rows.iloc[held_out])
    fixed = np.repeat(model.predict(rows.iloc[learnt]).mean(axis=0)[None], len(held_out), axis=0)
    usual = advising.worth(judged.ssim[:, 0], judged.svg_bytes[:, 0])
    progress = _step(work, "converting with the advice", 4)
    advised = advising.worth_of(judged, told, progress=progress)
    figures = judging.of_advice(usual, advised, advising.worth_of(judged, fixed, progress=progress), seed=work.seed)
    artifact = saved(model)
    return TrainedModel(
        name=ADVICE,
        artifact=artifact,
        filename=f"{ADVICE}.pkl",
        task="regression",
        handler="tabular",
        description=_TITLES[ADVICE],
        sample=rows.iloc[held_out[:SAMPLE_ROWS]].to_dict(orient="records"),
        expected=[[float(value) for value in row] for row in told[:SAMPLE_ROWS]],
        figures=figures,
        facts={"Worth": f"SSIM less {advising.PRICE} for every doubling of the SVG's size beyond 1 KiB"},
        light=_compiled(model),
    )


def _compiled(model: Any) -> bytes:
    """The forest as ONNX by the platform's own translation: one matrix of the seven features, named in the metadata."""
    import json

    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType

    from inference.validation import converters
    from inference.validation.compiling import OPSET

    converters.register()
    graph: Any = convert_sklearn(
        model, initial_types=[("features", DoubleTensorType([None, len(features.NAMES)]))], target_opset=OPSET
    )
    sizes = graph.graph.output[0].type.tensor_type.shape.dim
    sizes[1].dim_value = len(parameters.NAMES)
    graph.metadata_props.add(key="feature_names", value=json.dumps(list(features.NAMES)))
    return bytes(graph.SerializeToString())


def as_base64(pixels: Any) -> str:
    """A logo as a client would send it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _quality_rows(judged: Any, told: Any) -> tuple[list[Any], list[float]]:
    """A logo of each family, with the defaults and with another setting."""
    rows, expected = [], []
    for at in range(SAMPLE_ROWS // 2):
        for conversion in (0, 1 + at):
            params = [float(value) for value in judged.params[at, conversion]]
            rows.append({"image": as_base64(judged.pixels[at]), "parameters": params})
            expected.append(float(told[at, conversion]))
    return rows, expected


def _places(data: Any, numbers: Any) -> Any:
    return np.flatnonzero(np.isin(data.number, list(numbers)))


def _weights(network: Any) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    return file.getvalue()


def _with_weights(network: Any, weights: bytes) -> Any:
    import torch

    network.load_state_dict(torch.load(io.BytesIO(weights), weights_only=True))
    return network.eval()


def _settle(torch: Any) -> None:
    """The same sums in the same order each time."""
    torch.set_num_threads(min(os.cpu_count() or 1, 4))
    torch.use_deterministic_algorithms(True)


def _step(work: Work, what: str, at: int, steps: int = 5) -> Callable[[int, int], None]:
    def tell(done: int, of: int) -> None:
        work.tell(at * 1000 + 1000 * done // of, steps * 1000, what)

    return tell
