"""The notification classifier service."""

from tests.solutions.conformance.rows import differently, met, missing

TITLE = "Seed 000: notification classifier service"
SUMMARY = "[Notifications](solutions/notifications.md): eleven calls around one text classifier."

_API = "tests/solutions/notifications/test_api.py::"
_ACTIONS = "tests/solutions/notifications/test_actions.py::"
_CACHE = "tests/inference/test_prediction_cache.py::"
_BENCH = "tests/live/test_benchmark.py::test_a_running_server_is_measured_judged_and_told_as_json"

ROWS = [
    # Endpoints
    met("endpoint", "POST `/api/v1/ml/classify`, by the seed's own curl", _API + "test_the_seeds_own_call_is_answered_as_the_seed_shows"),
    met("endpoint", "POST `/api/v1/ml/classify/batch`", _API + "test_a_batch_is_answered_in_order"),
    met("endpoint", "GET `/api/v1/ml/model/info`", _API + "test_info_tells_what_is_live"),
    met("endpoint", "GET `/api/v1/ml/model/versions`", _API + "test_versions_are_switched_listed_and_rolled_back"),
    met("endpoint", "POST `/api/v1/ml/model/version/switch`", _API + "test_versions_are_switched_listed_and_rolled_back"),
    differently(
        "endpoint",
        "POST `/api/v1/ml/model/reload` (hot)",
        "files are immutable and sealed, so there is nothing new to read: every process verifies the live version, and loads it where it is missing",
        _API + "test_a_reload_verifies_what_is_live_and_changes_nothing "
        + _API + "test_a_reload_of_a_damaged_file_is_refused_and_the_loaded_one_answers_on",
    ),
    met("endpoint", "GET `/api/v1/ml/model/performance`", _API + "test_what_was_asked_is_counted_under_the_seeds_names"),
    met("endpoint", "GET `/api/v1/ml/cache/stats`", _API + "test_the_caches_bounds_are_told"),
    met("endpoint", "DELETE `/api/v1/ml/cache`", _API + "test_clearing_the_cache_tells_how_many_answers_went"),
    met("endpoint", "GET `/api/v1/ml/health`", _API + "test_health_says_when_no_process_can_answer"),
    differently(
        "endpoint",
        "eleven are counted there, ten listed; roll back has no address",
        "POST `/api/v1/ml/model/rollback` is the eleventh",
        _API + "test_versions_are_switched_listed_and_rolled_back",
    ),
    met("endpoint", "with and without a trailing slash", _API + "test_either_slash_form_is_answered"),
    differently(
        "endpoint",
        "no credential in the sample call",
        "every call needs one; nothing else in the sample changes",
        "tests/matrix/test_matrix.py::test_a_caller_gets_what_the_table_says_and_changes_nothing_else",
    ),
    # Fields and limits
    met("field", "`text`, `sender`, `use_cache`", _API + "test_the_sender_is_part_of_the_question_and_may_be_left_out"),
    met(
        "field",
        "`classification`, `confidence` (0 to 1), `action`, `reasoning`, `inference_time_ms`, `from_cache`",
        _API + "test_the_seeds_own_call_is_answered_as_the_seed_shows",
    ),
    met(
        "field",
        "metadata: version, timestamp, sender (missing in its sample answer)",
        _API + "test_the_seeds_own_call_is_answered_as_the_seed_shows",
    ),
    met("field", "actions: `show_immediately`, `show_with_sound`, `batch`, `silent`", _API + "test_a_batch_is_answered_in_order"),
    met("limit", "a batch of at most 100", _API + "test_a_batch_of_a_hundred_passes_and_one_more_names_the_limit"),
    # Behaviour
    met(
        "behaviour",
        "a reason that people can read",
        _API + "test_the_reason_names_the_words_that_moved_the_model_most " + _ACTIONS + "test_the_sentence_lists_words_and_the_sender",
    ),
    met(
        "behaviour",
        "what is done with each class (only `urgent` is named there) is data on the version",
        _ACTIONS + "test_a_version_gets_a_rule_for_each_of_its_classes " + _ACTIONS + "test_the_map_is_edited_in_the_admin",
    ),
    differently("behaviour", "the second identical call comes from the cache; `use_cache: false` neither reads nor fills it", "each process remembers its own answers: with several, a repetition may meet one that has not heard it", _API + "test_the_second_identical_call_comes_from_the_cache_and_a_fresh_one_does_not"),
    differently(
        "behaviour",
        "a pickled scikit-learn model, loaded as a singleton",
        "uploaded as joblib, compiled to the linear text form and proved; loaded once in each process, however many ask",
        "tests/solutions/notifications/test_training.py::test_it_compiles_to_the_linear_text_form_and_answers_alike "
        "tests/inference/test_model_cache.py::test_a_hundred_threads_cause_one_load",
    ),
    # Cache
    met("cache", "1000 entries, one hour, by setting", _API + "test_the_caches_bounds_are_told"),
    differently(
        "cache",
        "LRU and oldest-first at once",
        "least recently used goes first, what is too old before that",
        _CACHE + "test_the_least_recently_used_answer_goes_first " + _CACHE + "test_each_answer_has_a_time_to_live_of_its_own",
    ),
    met("cache", "hits and misses are counted", _API + "test_what_was_asked_is_counted_under_the_seeds_names"),
    # Versions
    met("versions", "many versions, with metadata; the current one is known", _API + "test_versions_are_switched_listed_and_rolled_back"),
    met("versions", "named by number, `v3` or a label", _API + "test_a_version_is_named_by_number_v_number_or_tag"),
    met("versions", "switched with zero downtime", "tests/live/test_switching.py::test_versions_are_switched_under_load_and_no_request_notices"),
    met("versions", "roll back", _API + "test_versions_are_switched_listed_and_rolled_back"),
    met("versions", "registration", "tests/solutions/test_recipe.py::test_it_is_trained_uploaded_proved_and_live_by_one_command"),
    # Metrics and claims
    met("metric", "avg, min, max, p95 of the time", _API + "test_performance_has_the_seeds_names"),
    differently("claim", "every inference under 100 ms, 45 ms on average", "measured by `manage.py benchmark`, with limits that are settings", _BENCH),
    differently("claim", "a cache 10 to 20 times faster, hit in 70 % of calls", "the speed-up is measured; the share of hits is that of your traffic, and told", _BENCH),
    differently("claim", "48 tests", "its four groups are tests of the platform's cache, ledger and calls, and of this solution", _API + "test_no_text_makes_it_fail"),
    missing("planned there", "conversion to TensorFlow Lite", "the compiled form is ONNX or the linear text form, neither of which a phone needs TensorFlow for"),
]  # fmt: skip
