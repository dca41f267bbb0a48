"""Seed 004's classes, over directories with and without the files."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.errors import ModelTooLarge
from solutions.images import ADVICE, FAMILY, QUALITY, heuristic, parameters
from solutions.images.production import (
    ModelCache,
    ModelMemoryMonitor,
    OptimizedQualityPredictor,
    ProductionModelManager,
    benchmark,
)
from solutions.images.training import DATA

PARAMS = {"color_precision": 4, "corner_threshold": 30}
MB = 1024 * 1024


@pytest.fixture(scope="module")
def manager() -> ProductionModelManager:
    return ProductionModelManager()


@pytest.fixture(scope="module")
def predictor(manager: ProductionModelManager) -> OptimizedQualityPredictor:
    return OptimizedQualityPredictor(manager)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Some of the files, to be damaged."""
    shutil.copytree(DATA, tmp_path / "exported")
    return tmp_path / "exported"


def test_the_shipped_models_are_loaded_and_warm(manager: ProductionModelManager) -> None:
    assert all(manager.models[name] is not None for name in (QUALITY, FAMILY, ADVICE))
    assert manager.model_metadata[QUALITY]["file"] == "quality_predictor.onnx"
    assert {"size_bytes", "load_ms", "warm_up_ms", "runtime"} <= set(manager.model_metadata[FAMILY])


@pytest.mark.parametrize("name", [QUALITY, FAMILY, ADVICE])
@pytest.mark.parametrize("damage", ["missing", "cut off", "another model"])
def test_each_model_is_loaded_by_itself(directory: Path, name: str, damage: str, caplog: Any) -> None:
    file = directory / f"{name}.onnx"
    other = FAMILY if name == QUALITY else QUALITY
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:5000] if damage == "cut off" else (DATA / f"{other}.onnx").read_bytes())

    models = ProductionModelManager(directory).models

    assert [found for found, model in models.items() if model is None] == [name]
    assert f"{name} is not available" in caplog.text


def test_an_empty_directory_leaves_every_model_out(tmp_path: Path) -> None:
    manager = ProductionModelManager(tmp_path)

    assert set(manager.models.values()) == {None}
    assert "is missing" in manager.model_metadata[QUALITY]["unavailable"]


def test_many_threads_load_each_model_once(monkeypatch: pytest.MonkeyPatch, manager: ProductionModelManager) -> None:
    loads: list[str] = []
    load = manager._load
    monkeypatch.setattr(manager, "_load", lambda name: (loads.append(name), load(name))[1])
    manager.models = {}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: manager._load_all_exported_models(), range(8)))

    assert sorted(loads) == sorted([QUALITY, FAMILY, ADVICE])


def test_a_file_that_was_replaced_is_read_by_reload(directory: Path) -> None:
    (directory / "logo_classifier.onnx").unlink()
    manager = ProductionModelManager(directory)
    assert manager.models[FAMILY] is None
    shutil.copy(DATA / "logo_classifier.onnx", directory)

    assert manager.reload()[FAMILY] is not None


# -- Predictions --------------------------------------------------------------------------------------


def test_a_picture_is_judged_by_path_or_bytes(
    predictor: OptimizedQualityPredictor, logo: bytes, tmp_path: Path
) -> None:
    (tmp_path / "logo.png").write_bytes(logo)

    quality = predictor.predict_quality(str(tmp_path / "logo.png"), PARAMS)

    assert 0.5 < quality <= 1.0
    assert predictor.predict_quality(logo, PARAMS) == quality
    assert predictor.fallbacks == 0


def test_a_batch_is_judged_as_one_by_one(predictor: OptimizedQualityPredictor, logo: bytes) -> None:
    settings = [PARAMS, {}, {"color_precision": 1}]

    told = predictor.predict_batch([logo] * 3, settings)

    assert told == pytest.approx([predictor.predict_quality(logo, one) for one in settings], abs=1e-5)
    assert len(set(told)) == 3
    assert predictor.predict_batch([], []) == []


def test_lengths_that_differ_are_an_error(predictor: OptimizedQualityPredictor, logo: bytes) -> None:
    with pytest.raises(ValueError, match="same length"):
        predictor.predict_batch([logo], [])


def test_wrong_parameters_are_an_error(predictor: OptimizedQualityPredictor, logo: bytes) -> None:
    with pytest.raises(parameters.ParameterInvalid):
        predictor.predict_quality(logo, {"x": 1})


class Says:
    """A model that answers what it was told to."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def predict(self, feeds: Any) -> Any:
        from inference.runtimes.base import RawOutput

        return RawOutput(np.array(self.values), None)


def saying(*values: float) -> OptimizedQualityPredictor:
    manager = ProductionModelManager.__new__(ProductionModelManager)
    manager.models = {QUALITY: Says(*values)}
    return OptimizedQualityPredictor(manager)


def test_every_answer_is_clamped(logo: bytes) -> None:
    assert saying(1.7, -0.2, 0.4).predict_batch([logo] * 3, [{}] * 3) == [1.0, 0.0, 0.4]


def test_an_answer_that_is_no_number_is_a_fallback(logo: bytes) -> None:
    predictor = saying(float("nan"))

    assert predictor.predict_quality(logo, {}) == heuristic.ssim(parameters.complete({}))
    assert predictor.fallbacks == 1


def test_without_a_model_a_rule_of_thumb_answers_and_is_counted(tmp_path: Path, logo: bytes) -> None:
    predictor = OptimizedQualityPredictor(ProductionModelManager(tmp_path))

    assert predictor.predict_batch([logo, logo], [{}, PARAMS]) == [
        heuristic.ssim(parameters.complete(given)) for given in ({}, PARAMS)
    ]
    assert predictor.fallbacks == 2


def test_one_picture_that_cannot_be_read_leaves_the_others_to_the_model(
    manager: ProductionModelManager, logo: bytes, tmp_path: Path
) -> None:
    predictor = OptimizedQualityPredictor(manager)

    told = predictor.predict_batch([logo, b"no picture", tmp_path / "missing.png"], [{}] * 3)

    assert predictor.fallbacks == 2
    assert told[0] == pytest.approx(predictor.predict_quality(logo, {}), abs=1e-6)
    assert told[1] == told[2] == heuristic.ssim(parameters.complete({}))


def test_the_time_of_a_batch_is_estimated(predictor: OptimizedQualityPredictor, tmp_path: Path) -> None:
    without = OptimizedQualityPredictor(ProductionModelManager(tmp_path))

    assert predictor.estimate_processing_time(10) == pytest.approx(0.5)
    assert without.estimate_processing_time(10) == pytest.approx(0.1)


# -- Memory -------------------------------------------------------------------------------------------


def test_memory_is_measured_around_the_load() -> None:
    monitor = ModelMemoryMonitor()

    told = monitor.track_model_memory("big", lambda: np.ones(8 * MB), size_bytes=64 * MB)

    assert told["estimated_size_mb"] == 64
    assert told["actual_memory_delta_mb"] > 30
    assert told["total_memory_mb"] > told["actual_memory_delta_mb"]


def test_the_report_tells_the_process_its_models_and_the_limit(manager: ProductionModelManager, settings: Any) -> None:
    report = manager.memory.get_memory_report()

    assert set(report) == {
        "current_memory_mb", "peak_memory_mb", "model_breakdown", "memory_limit_mb", "within_limits",
    }  # fmt: skip
    assert report["memory_limit_mb"] == 500
    assert set(report["model_breakdown"]) == {QUALITY, FAMILY, ADVICE}
    assert set(report["model_breakdown"][QUALITY]) == {
        "estimated_size_mb", "actual_memory_delta_mb", "total_memory_mb",
    }  # fmt: skip
    assert report["peak_memory_mb"] >= report["current_memory_mb"] * 0.9
    settings.PROCESS_MEMORY_BYTES = MB
    assert manager.memory.get_memory_report()["within_limits"] is False


# -- The cache ----------------------------------------------------------------------------------------


def test_a_model_is_loaded_once_and_counted() -> None:
    cache = ModelCache()
    model = object()

    assert cache.get_model("a") is None
    assert cache.get_model("a", lambda: model) is model
    assert cache.get_model("a", lambda: object()) is model
    assert cache.get_model("b", lambda: None) is None
    assert cache.max_memory_mb == 400
    stats = cache.get_stats()
    assert (stats["hits"], stats["misses"], stats["models"]) == (1, 3, ["a"])


def test_the_least_recently_used_go_until_the_new_one_fits() -> None:
    cache = ModelCache(max_memory_mb=10)
    for name in ("a", "b", "c"):
        cache.get_model(name, object, size_bytes=3 * MB)
    cache.get_model("a")

    cache.get_model("d", object, size_bytes=6 * MB)

    assert cache.get_stats()["models"] == ["a", "d"]
    assert cache.evictions == 2
    assert cache.current_memory_mb == 9


def test_a_model_over_the_whole_budget_is_refused_and_evicts_nothing() -> None:
    cache = ModelCache(max_memory_mb=10)
    cache.get_model("a", object, size_bytes=3 * MB)

    with pytest.raises(ModelTooLarge):
        cache.get_model("huge", object, size_bytes=11 * MB)

    assert cache.get_stats()["models"] == ["a"]


def test_what_a_load_adds_to_the_process_counts() -> None:
    cache = ModelCache()
    cache.get_model("big", lambda: np.ones(8 * MB))

    assert cache.current_memory_mb > 30
    cache.remove_model("big")
    assert cache.current_memory_mb == 0


def test_removing_and_clearing_let_go() -> None:
    cache = ModelCache()
    for name in ("a", "b"):
        cache.get_model(name, object, size_bytes=MB)
    cache.remove_model("a")
    cache.remove_model("never there")
    assert cache.get_stats()["models"] == ["b"]
    cache.clear_cache()
    assert cache.get_stats()["models"] == []
    assert cache.evictions == 0


def test_a_failed_load_is_tried_again() -> None:
    cache = ModelCache()

    def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        cache.get_model("a", fail)
    assert cache.get_model("a", lambda: 1) == 1


def test_threads_that_ask_at_once_cause_one_load() -> None:
    cache, loads, start = ModelCache(), [], threading.Barrier(8)

    def ask(_: int) -> Any:
        start.wait()
        return cache.get_model("a", lambda: loads.append(1) or "model")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"model"}
    assert loads == [1]


# -- The benchmark ------------------------------------------------------------------------------------


def test_the_benchmark_has_the_seeds_sections_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark.Day1PerformanceBenchmark, "_cold_load", lambda self: 1.0)

    told = benchmark.Day1PerformanceBenchmark().run_all_benchmarks()

    assert set(told) == {"model_loading", "quality_prediction", "memory_efficiency", "concurrent_performance"}
    assert {"average_loading_time", "max_loading_time", "meets_requirement", "requirement"} == set(
        told["model_loading"]
    )
    assert told["concurrent_performance"]["concurrent_workers"] == 10
    assert told["concurrent_performance"]["success_rate"] == told["quality_prediction"]["success_rate"] == 1.0


def test_an_answer_by_the_rule_of_thumb_is_no_success(tmp_path: Path) -> None:
    measured = benchmark.Day1PerformanceBenchmark(tmp_path)

    assert measured.benchmark_quality_prediction()["meets_requirement"] is False
    assert measured.benchmark_concurrent_usage()["success_rate"] == 0.0


@pytest.mark.slow
def test_a_fresh_process_loads_the_models() -> None:
    told = benchmark.Day1PerformanceBenchmark(runs=1).benchmark_model_loading()

    assert 0 < told["average_loading_time"] == told["max_loading_time"]
