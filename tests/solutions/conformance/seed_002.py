"""Security, monitoring and resilience around an intent classifier and an anomaly detector."""

from tests.solutions.conformance.rows import differently, met, missing

TITLE = "Seed 002: security, monitoring, resilience"
SUMMARY = (
    "[Intents](solutions/intents.md) and [anomalies](solutions/anomalies.md) behind keys, limits, breakers, caches and "
    "metrics."
)

_INTENTS = "tests/solutions/intents/test_intents.py::"
_ANOMALIES = "tests/solutions/anomalies/test_anomalies.py::"
_HEALTH = "tests/inference/test_health_details.py::"
_SCRAPE = "tests/monitoring/test_scrape.py::"
_KEYS = "tests/accounts/test_environment_keys.py::"
_CACHE = "tests/inference/test_prediction_cache.py::"
_BREAKER = "tests/accounts/test_breaker.py::"
_LIMITS = "tests/mlplatform/test_rate_limits.py::"
_NAMES = _SCRAPE + "test_the_names_that_were_promised_are_all_declared"
_BENCH = "tests/live/test_benchmark.py::test_a_running_server_is_measured_judged_and_told_as_json"

ROWS = [
    # Endpoints
    met("endpoint", "POST `/predict/intent` with `query`, by the seed's own call", _INTENTS + "test_the_seeds_own_call_is_answered"),
    met(
        "endpoint",
        "a call for transactions (implied there): POST `/predict/anomaly`",
        _ANOMALIES + "test_what_is_odd_stands_out_and_what_is_usual_does_not",
    ),
    met("endpoint", "GET `/health`", "tests/mlplatform/test_middleware.py::test_health_is_answered_to_anybody_under_any_host"),
    met("endpoint", "GET `/monitoring/health`", _HEALTH + "test_two_processes_are_added_up"),
    met("endpoint", "GET `/monitoring/statistics`", "tests/monitoring/test_statistics.py::test_counts_error_rate_and_latency_are_told_by_model_and_version"),
    met("endpoint", "GET `/metrics`", _SCRAPE + "test_every_prediction_is_counted_by_how_it_ended"),
    met("endpoint", "GET `/docs`", "tests/mlplatform/test_middleware.py::test_the_docs_may_style_themselves_and_evaluate_nothing"),
    met("endpoint", "with and without a trailing slash", _INTENTS + "test_the_seeds_own_call_is_answered"),
    # Bodies
    met(
        "field",
        "health: `status`, `models.<name>` with `status`, `prediction_count`, `error_rate`, `avg_latency` in seconds; `cache.prediction_cache`",
        _HEALTH + "test_two_processes_are_added_up",
    ),
    met(
        "field",
        "validation of each field of a transaction",
        _ANOMALIES + "test_a_field_that_does_not_fit_is_named_with_its_path_and_code "
        + _ANOMALIES + "test_the_five_fields_of_a_payment_must_be_there",
    ),
    met("field", "validation of texts, numbers, objects", _INTENTS + "test_what_is_no_query_is_refused_and_recorded"),
    # Metrics
    met("metric", "`ml_prediction_total` (model, status)", _NAMES),
    met("metric", "`ml_prediction_latency_seconds` (histogram)", _NAMES),
    met("metric", "`ml_prediction_confidence`", _NAMES),
    met("metric", "`ml_model_cache_hits_total`, `ml_model_cache_misses_total` (type)", _NAMES),
    met("metric", "`ml_circuit_breaker_state`", _NAMES),
    met("metric", "`ml_invalid_input_total` (model, error)", _NAMES),
    # Security
    met("security", "`X-API-Key`, and keys in `ML_API_KEYS` as `name:hash`", _KEYS + "test_a_key_of_the_environment_works_with_its_scopes"),
    differently(
        "security",
        "`ML_API_KEYS` shown once with plain keys",
        "only SHA-256 digests are taken; anything else is refused at start",
        _KEYS + "test_what_is_no_name_and_digest_is_refused_at_start_and_opens_nothing",
    ),
    differently(
        "security",
        "keys hashed by SHA-256",
        "those of the environment; those of the table by HMAC-SHA256 under a pepper",
        "tests/accounts/test_keys.py::test_the_hash_is_hmac_sha256_under_the_pepper",
    ),
    differently(
        "security",
        "100 requests a minute per address, sliding window, `RATE_LIMIT_REQUESTS`, `RATE_LIMIT_WINDOW`",
        "by credential where there is one, by address where there is none",
        _LIMITS + "test_over_the_limit_the_answer_is_429_in_the_envelope_with_a_time_to_come_again "
        "tests/accounts/test_limits.py::test_strangers_are_counted_by_address "
        "tests/accounts/test_limiting.py::test_no_window_ever_holds_more_than_the_limit_and_units_come_back_within_a_step",
    ),
    met("security", "no SQL from a client's text; a text is not refused for its words", _INTENTS + "test_any_text_is_answered_or_refused"),
    met("security", "no script from a client's text", _INTENTS + "test_its_page_shows_the_intent_the_alternatives_and_what_moved_the_answer"),
    met("security", "secrets and control characters stay out of the log", "tests/mlplatform/test_logs.py::test_secrets_stay_out_of_messages_and_tracebacks"),
    met("security", "over twenty kinds of errors with codes of their own", "tests/mlplatform/test_errors.py::test_every_domain_error_has_its_line"),
    # Resilience
    met("resilience", "a breaker of three states, threshold 5, pause 60 s, both by setting", _BREAKER + "test_after_the_pause_one_caller_tries_and_decides"),
    differently(
        "resilience",
        "breakers around Redis and MLflow, by a decorator `circuit_breaker`",
        "around every service there is (Redis); an object with a name in place of the decorator",
        "tests/inference/test_shared_answers.py::test_a_redis_that_goes_away_is_left_alone_and_found_again "
        + _BREAKER + "test_every_breaker_of_the_process_is_told_by_name",
    ),
    met("resilience", "retries with exponential pauses and jitter", "tests/accounts/test_retrying.py::test_what_fails_is_tried_again_after_pauses_whose_bound_doubles"),
    met("resilience", "graceful degradation", _SCRAPE + "test_what_a_fallback_answered_is_counted_by_the_reason"),
    met("resilience", "models are warm before a process is ready", "tests/inference/test_process.py::test_a_process_is_ready_when_everything_live_is_loaded"),
    met("resilience", "an orderly end", "tests/inference/test_process.py::test_recycling_asks_the_server_for_an_orderly_end_once_and_lasts_no_longer_than_it_may"),
    # Performance
    differently(
        "performance",
        "`lru_cache(max_size, ttl)` with statistics",
        "the prediction cache of each process, with times to live of each model and statistics over all processes",
        _CACHE + "test_the_least_recently_used_answer_goes_first " + _CACHE + "test_each_answer_has_a_time_to_live_of_its_own",
    ),
    met("performance", "`CACHE_MAX_SIZE`, `CACHE_DEFAULT_TTL`", _CACHE + "test_a_models_own_time_to_live_decides_before_what_was_measured"),
    differently(
        "performance",
        "a batch processor (size, wait)",
        "requests that wait for a slow model are joined into its next call: nobody waits for company",
        "tests/inference/execution/test_joining.py::test_what_queued_while_a_call_ran_is_the_next_call",
    ),
    met("performance", "identical requests at the same time are computed once", _CACHE + "test_a_hundred_who_ask_at_once_cause_one_computation"),
    differently(
        "performance",
        "a connection pool",
        "persistent connections, by setting",
        "tests/mlplatform/test_errors.py::test_a_silent_database_is_503_and_says_when_to_come_back",
    ),
    differently(
        "performance",
        "a decorator `measure_performance`",
        "every prediction is timed, in its record and in the histogram",
        _SCRAPE + "test_every_prediction_is_counted_by_how_it_ended",
    ),
    met("performance", "p50, p95, p99", "tests/monitoring/test_statistics.py::test_counts_error_rate_and_latency_are_told_by_model_and_version"),
    met(
        "setting",
        "`REDIS_HOST`, `REDIS_PORT`, `REDIS_PASSWORD`, `REDIS_DB`",
        "tests/mlplatform/test_env.py::test_redis_may_be_given_in_parts",
    ),
    met("setting", "`LOG_LEVEL`", "tests/mlplatform/test_logs.py::test_a_wrong_setting_stops_the_start"),
    missing("setting", "`MLFLOW_TRACKING_URI`", "there is no MLflow here: the registry is the platform's own"),
    # Claims and plans
    differently(
        "claim",
        "cold start under a second, 142 ms on average, 82 % hits",
        "measured by `manage.py benchmark`, on the machine at hand",
        _BENCH,
    ),
    met("planned there", "explanations (SHAP, LIME)", "tests/inference/validation/test_explaining.py::test_the_library_shap_gives_the_same "
        + _ANOMALIES + "test_the_reasons_name_what_is_odd_in_words"),
    met("planned there", "versions with roll back", "tests/registry/test_life.py::test_a_deprecated_version_is_still_served_and_can_be_restored"),
]  # fmt: skip
