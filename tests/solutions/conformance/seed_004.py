"""The production model manager: image models, loaded, warmed up, watched and measured."""

from tests.solutions.conformance.rows import differently, met

TITLE = "Seed 004: production model manager"
SUMMARY = "[Images](solutions/images.md): three image models in production; it names classes and no HTTP call."

_API = "tests/solutions/images/test_api.py::"
_OWN = "tests/solutions/images/test_production.py::"
_TRAINING = "tests/solutions/images/test_training.py::"
_BENCH = "tests/live/test_benchmark.py::test_a_running_server_is_measured_judged_and_told_as_json"

ROWS = [
    # Classes
    met("class", "ProductionModelManager(model_dir)", _OWN + "test_the_shipped_models_are_loaded_and_warm"),
    met("class", "OptimizedQualityPredictor(manager)", _OWN + "test_a_picture_is_judged_by_path_or_bytes"),
    met("class", "ModelMemoryMonitor", _OWN + "test_memory_is_measured_around_the_load"),
    met("class", "ModelCache(max_memory_mb=400)", _OWN + "test_a_model_is_loaded_once_and_counted"),
    met("class", "Day1PerformanceBenchmark", _OWN + "test_the_benchmark_has_the_seeds_sections_and_keys"),
    # Files
    met(
        "file",
        "`quality_predictor.torchscript`, `logo_classifier.onnx`, `correlation_models.pkl` in one directory",
        _TRAINING + "test_a_small_training_yields_three_models_that_load_and_answer",
    ),
    met("file", "each is loaded by itself; a failure is logged and leaves out that model alone",
        _OWN + "test_each_model_is_loaded_by_itself"),
    differently(
        "file",
        "`models` holds what the libraries return",
        "what the platform's runtimes return: all three are asked alike, by `predict`",
        _OWN + "test_the_shipped_models_are_loaded_and_warm",
    ),
    differently(
        "file",
        "a `feature_preprocessor` is looked up (and never loaded there)",
        "there is none: what a network needs before its first layer is part of its graph",
        _OWN + "test_a_picture_is_judged_by_path_or_bytes",
    ),
    met("file", "the lock that is made there is used: many threads load once", _OWN + "test_many_threads_load_each_model_once"),
    # Warm-up
    met(
        "warm-up",
        "(1, 3, 224, 224) and (1, 8) for the predictor, (1, 3, 224, 224) float32 for the classifier, by its input's name",
        _OWN + "test_the_shipped_models_are_loaded_and_warm",
    ),
    differently(
        "warm-up",
        "a warm-up that fails is logged",
        "and leaves the model out: it could answer nobody",
        _OWN + "test_each_model_is_loaded_by_itself",
    ),
    # Predictions
    met("prediction", "a path and parameters such as `color_precision` 4, `corner_threshold` 30 give SSIM",
        _OWN + "test_a_picture_is_judged_by_path_or_bytes"),
    met("prediction", "clamped to 0 to 1, in batches each", _OWN + "test_every_answer_is_clamped"),
    met("prediction", "a rule of thumb where the model is missing or fails",
        _OWN + "test_without_a_model_a_rule_of_thumb_answers_and_is_counted"),
    met("prediction", "a batch; lengths that differ raise ValueError", _OWN + "test_lengths_that_differ_are_an_error"),
    differently(
        "prediction",
        "a batch that fails is answered by the rule of thumb as a whole",
        "one picture that can't be read costs only its own answer; `fallbacks` counts",
        _OWN + "test_one_picture_that_cannot_be_read_leaves_the_others_to_the_model",
    ),
    met("prediction", "time of a batch: 0.05 s a picture, 0.01 s by the rule of thumb",
        _OWN + "test_the_time_of_a_batch_is_estimated"),
    differently(
        "prediction",
        "parameters left out are the model's affair",
        "they have vtracer's defaults; unknown names and values out of bounds are refused",
        "tests/solutions/images/test_parameters.py::test_what_is_not_given_has_vtracers_default",
    ),
    # Memory
    met("memory", "`estimated_size_mb`, `actual_memory_delta_mb`, `total_memory_mb` for each model",
        _OWN + "test_the_report_tells_the_process_its_models_and_the_limit"),
    met("memory", "`current_memory_mb`, `peak_memory_mb`, `model_breakdown`, `memory_limit_mb`, `within_limits`",
        _OWN + "test_the_report_tells_the_process_its_models_and_the_limit"),
    differently(
        "memory",
        "before and after are read one after the other, 50 MB are assumed for ONNX",
        "measured around the load; the estimate is the file's size",
        _OWN + "test_memory_is_measured_around_the_load",
    ),
    differently(
        "memory", "a limit of 500 MB, written into the code", "the setting PROCESS_MEMORY_BYTES, 500 MiB by default",
        _OWN + "test_the_report_tells_the_process_its_models_and_the_limit",
    ),
    # The cache
    met("cache", "`get_model(name, loader)`", _OWN + "test_a_model_is_loaded_once_and_counted"),
    met("cache", "least recently used out, until the new one fits",
        _OWN + "test_the_least_recently_used_go_until_the_new_one_fits"),
    met("cache", "`remove_model`, `clear_cache`", _OWN + "test_removing_and_clearing_let_go"),
    met("cache", "hits, misses, statistics", _OWN + "test_a_model_is_loaded_once_and_counted"),
    differently(
        "cache",
        "a model over the whole budget is loaded all the same",
        "refused, and nothing is evicted for it",
        _OWN + "test_a_model_over_the_whole_budget_is_refused_and_evicts_nothing",
    ),
    # The benchmark
    met("benchmark", "`model_loading`, `quality_prediction`, `memory_efficiency`, `concurrent_performance`",
        _OWN + "test_the_benchmark_has_the_seeds_sections_and_keys"),
    met("benchmark", "`average_loading_time`, `max_loading_time`, `meets_requirement`, `requirement`",
        _OWN + "test_the_benchmark_has_the_seeds_sections_and_keys"),
    met("benchmark", "`concurrent_workers`, `average_processing_time`, `success_rate`",
        _OWN + "test_the_benchmark_has_the_seeds_sections_and_keys"),
    differently(
        "benchmark",
        "success is written into the code; a new manager counts as a cold start",
        "an answer by the rule of thumb is a failure; loading is measured in fresh processes",
        _OWN + "test_an_answer_by_the_rule_of_thumb_is_no_success " + _OWN + "test_a_fresh_process_loads_the_models",
    ),
    differently(
        "benchmark",
        "loading under 3 s, a prediction under 100 ms, 500 MB, ten at once under 200 ms",
        "no test asserts times of the clock; the class and `manage.py benchmark` measure and judge them",
        _BENCH,
    ),
    # Points of integration
    differently(
        "integration",
        "AI endpoints of a Flask app",
        "POST `/api/v1/images/quality`, `/quality/batch` and `/classify` on the platform",
        _API + "test_a_picture_and_its_parameters_are_answered_with_their_ssim "
        + _API + "test_a_logo_is_told_by_its_kind",
    ),
    differently(
        "integration",
        "image paths",
        "in an operator's own program alone: clients send files or base64, and what looks like a path is no picture",
        _API + "test_a_wrong_question_is_refused_with_its_code "
        + _API + "test_a_text_in_place_of_a_file_opens_no_file",
    ),
    met("integration", "graceful fall-backs, and the answer says so",
        _API + "test_before_a_model_is_live_a_rule_of_thumb_answers_and_says_so"),
]  # fmt: skip
