"""The training, small: what it draws, measures, learns and leaves behind."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solutions import catalogue, shipping
from solutions.errors import TrainingCancelled
from solutions.images import ADVICE, FAMILIES, FAMILY, QUALITY, drawing, parameters, training
from solutions.images.production import OptimizedQualityPredictor, ProductionModelManager
from solutions.work import PlainWork


def tools() -> None:
    for module in ("vtracer", "resvg_py", "skimage"):
        pytest.importorskip(module, reason="needs the extra images-train")


# -- What is shipped ----------------------------------------------------------------------------------


def test_the_folder_ships_three_models_in_under_two_megabytes() -> None:
    assert [one.name for one in training.shipped()] == [QUALITY, FAMILY, ADVICE]
    assert sum(file.stat().st_size for file in training.DATA.iterdir()) < 2_000_000


def test_what_is_shipped_answers_its_own_sample_as_it_says() -> None:
    manager = ProductionModelManager()
    quality = next(one for one in training.shipped() if one.name == QUALITY)
    import base64

    told = OptimizedQualityPredictor(manager).predict_batch(
        [base64.b64decode(row["image"]) for row in quality.sample],
        [dict(zip(parameters.NAMES, row["parameters"], strict=True)) for row in quality.sample],
    )

    assert told == pytest.approx(quality.expected, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "figure", "is_better"),
    [
        (QUALITY, "mae", lambda figure: figure.high < figure.baseline),
        (QUALITY, "r2", lambda figure: figure.low > 0.5),
        (FAMILY, "accuracy", lambda figure: figure.low > figure.baseline),
        (ADVICE, "gain_over_defaults", lambda figure: figure.low > 0),
    ],
)
def test_what_is_shipped_beats_its_baseline_beyond_its_range(model: str, figure: str, is_better: Any) -> None:
    shipped = next(one for one in training.shipped() if one.name == model)

    assert is_better(next(one for one in shipped.figures if one.name == figure))


def test_every_logo_is_on_one_side_only() -> None:
    learnt, watched, held_out = set(training.LEARNT), set(training.WATCHED), set(training.HELD_OUT)

    assert not learnt & watched
    assert not (learnt | watched) & held_out
    for name in (QUALITY, FAMILY):
        sample = next(one for one in training.shipped() if one.name == name).sample
        images = {row["image"] if isinstance(row, dict) else row for row in sample}
        drawn = {
            training.as_base64(np.asarray(drawing.draw(family, number, seed=20)))
            for family in FAMILIES
            for number in list(held_out)[:2]
        }
        assert images <= drawn


# -- Measuring ----------------------------------------------------------------------------------------


def test_a_conversion_with_few_colours_keeps_less_and_is_smaller() -> None:
    tools()
    from solutions.images.training import vectorising

    logo = drawing.draw("complex", 1, seed=20)
    fine, coarse = (
        vectorising.convert(logo, parameters.complete(given))
        for given in ({"color_precision": 8, "filter_speckle": 0}, {"color_precision": 1, "filter_speckle": 32})
    )

    assert fine.startswith("<?xml")
    assert len(coarse) < len(fine)
    assert vectorising.similarity(logo, coarse) < vectorising.similarity(logo, fine) <= 1.0


def test_a_picture_is_all_like_itself() -> None:
    tools()
    from solutions.images.training import vectorising

    svg = "<svg xmlns='http://www.w3.org/2000/svg' width='224' height='224'><rect width='224' height='112'/></svg>"
    drawn = vectorising.render(svg, (224, 224))
    from PIL import Image

    assert drawn.shape == (224, 224, 3)
    assert drawn[:110].max() == 0
    assert drawn[114:].min() == 255
    assert vectorising.similarity(Image.fromarray(drawn), svg) == 1.0


def test_the_library_giving_up_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    tools()
    import vtracer

    from solutions.images.training import vectorising

    class PanicException(BaseException):
        """As the library raises it."""

    def panic(*args: Any, **options: Any) -> None:
        raise PanicException("attempt to divide by zero")

    monkeypatch.setattr(vtracer, "convert_raw_image_to_svg", panic)
    with pytest.raises(vectorising.ConversionFailed, match="divide by zero"):
        vectorising.convert(drawing.draw("simple", 1, seed=20), parameters.complete({}))


@pytest.mark.slow
def test_logos_are_measured_in_the_same_order_by_any_number_of_workers() -> None:
    tools()
    from solutions.images.training.measuring import Measured, measure_all

    told = [measure_all(range(2), seed=20, workers=workers, progress=lambda done, of: None) for workers in (1, 2)]

    one, two = told
    assert one.params.shape == (8, 8, 8)
    assert one.family.tolist() == [0, 1, 2, 3] * 2
    assert np.array_equal(one.ssim, two.ssim)
    assert ((one.ssim > 0) & (one.ssim <= 1)).all()
    assert one.params[0, 0].tolist() == parameters.vector(parameters.complete({})).tolist()
    again = Measured.from_bytes(one.to_bytes())
    assert np.array_equal(again.pixels, one.pixels)
    assert again.where(again.number == 1).number.tolist() == [1] * 4


def test_somebody_may_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tools()
    pytest.importorskip("torch")

    def stop(done: int, of: int, what: str) -> None:
        raise TrainingCancelled

    monkeypatch.setattr(training, "HELD_OUT", range(1, 2))
    with pytest.raises(TrainingCancelled):
        training.train(PlainWork(seed=20, show=stop))


def test_the_same_seed_learns_the_same_and_another_seed_does_not() -> None:
    torch = pytest.importorskip("torch")
    from solutions.images.training import learning
    from solutions.images.training.measuring import Measured

    random = np.random.default_rng(1)
    data = Measured(
        np.arange(8) % 4,
        np.arange(8) // 4,
        random.integers(0, 255, (8, 224, 224, 3), dtype=np.uint8),
        random.random((8, 2, 8), dtype=np.float32),
        random.random((8, 2), dtype=np.float32),
        random.random((8, 2), dtype=np.float32),
    )
    learnt, watched = np.arange(4), np.arange(4, 8)

    def learn(seed: int) -> Any:
        options: Any = {"epochs": 1, "seed": seed, "progress": lambda done, of: None}
        network = learning.fit_classifier(data, learnt, watched, families=4, **options)
        quality = learning.fit_quality(data, learnt, watched, **options)
        return [*network.state_dict().values(), *quality.state_dict().values()]

    one, again, other = learn(20), learn(20), learn(21)
    assert all(torch.equal(left, right) for left, right in zip(one, again, strict=True))
    assert not all(torch.equal(left, right) for left, right in zip(one, other, strict=True))


# -- All of it ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_small_training_yields_three_models_that_load_and_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tools()
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    for name, value in {
        "LEARNT": range(6), "WATCHED": range(6, 8), "HELD_OUT": range(8, 12), "QUALITY_EPOCHS": 2, "FAMILY_EPOCHS": 2,
    }.items():  # fmt: skip
        monkeypatch.setattr(training, name, value)
    steps: list[str] = []

    trained = training.train(PlainWork(seed=20, show=lambda done, of, what: steps.append(what), folder=tmp_path / "k"))

    assert [one.name for one in trained] == [QUALITY, FAMILY, ADVICE]
    assert {"converting logos", "learning quality", "learning families", "converting with the advice"} <= set(steps)
    assert {file.name for file in (tmp_path / "k").iterdir()} == {"measured.npz", "quality.pt", "families.pt"}
    for one in trained:
        (tmp_path / one.filename).write_bytes(one.artifact)
    manager = ProductionModelManager(tmp_path)
    assert {name: facts["runtime"] for name, facts in manager.model_metadata.items()} == {
        QUALITY: "torchscript", FAMILY: "onnx", ADVICE: "sklearn",
    }  # fmt: skip
    shipping.write(tmp_path / "light", trained)
    light = ProductionModelManager(tmp_path / "light")
    logo = io.BytesIO()
    drawing.draw("text", 9, seed=20).save(logo, "PNG")
    natively, compiled = (
        OptimizedQualityPredictor(one).predict_quality(logo.getvalue(), {}) for one in (manager, light)
    )
    assert natively == pytest.approx(compiled, abs=1e-5)


def test_shipped_models_are_read_as_they_were_written(tmp_path: Path) -> None:
    trained = training.shipped()
    heavy = replace(trained[0], artifact=b"heavy", light=b"light", filename="quality_predictor.torchscript")

    shipping.write(tmp_path, [heavy, *trained[1:]])
    found = shipping.read(tmp_path)

    assert (found[0].artifact, found[0].filename, found[0].light) == (b"light", "quality_predictor.onnx", b"")
    assert found[1:] == trained[1:]
    assert found[0].figures == trained[0].figures


def test_the_catalogue_knows_it() -> None:
    assert catalogue.get("images").models == (QUALITY, FAMILY, ADVICE)
    assert json.loads((training.DATA / shipping.FACTS).read_text())[0]["name"] == QUALITY
