"""The predictive propositions service: suggestions, events, learning from them."""

from tests.solutions.conformance.rows import differently, met, missing

TITLE = "Seed 003: predictive propositions"
SUMMARY = "Contextual suggestions ranked by a model, with a fallback, reasons, and retraining."

_OURS = "tests/solutions/propositions/"
_SUGGEST = _OURS + "test_suggest.py::"
_API = _OURS + "test_api.py::"
_RETRAIN = _OURS + "test_retraining.py::"
_TRAIN = _OURS + "test_training.py::"
_SKEW = _OURS + "test_no_skew.py::"
_METRICS = _OURS + "test_metrics.py::"
_SETTINGS = "tests/mlplatform/test_docs.py::test_every_setting_is_on_the_settings_page_as_the_code_declares_it"
_HEALTH = "tests/mlplatform/test_middleware.py::test_health_is_answered_to_anybody_under_any_host"

ROWS = [
    # Endpoints: the seed counts eighteen and names two besides health; these are the ones we give them.
    met(
        "endpoint",
        "POST `/suggest` {user_id, context, limit}, with the seed's own body",
        _SUGGEST + "test_the_seeds_own_call_gets_a_ranked_list_with_score_and_explanation",
    ),
    met(
        "endpoint",
        "POST `/log_event` {event_type, user_id, proposition_id}",
        _API + "test_the_seeds_own_event_is_logged",
    ),
    met("endpoint", "health", _HEALTH),
    met("endpoint", "ready", "tests/mlplatform/test_middleware.py::test_readiness_is_what_inference_says"),
    met(
        "endpoint",
        "metrics for Prometheus",
        "tests/monitoring/test_scrape.py::test_the_names_that_were_promised_are_all_declared",
    ),
    met(
        "endpoint",
        "metrics as JSON: `/suggest/metrics`",
        _API + "test_metrics_tell_of_requests_latency_cache_and_clicks",
    ),
    met("endpoint", "propositions: list", _API + "test_propositions_are_listed_filtered_searched_and_ordered"),
    met(
        "endpoint",
        "propositions: create, detail, update",
        _API + "test_a_proposition_is_added_and_changed_by_whom_it_is_granted",
    ),
    met("endpoint", "interactions: list", _API + "test_interactions_are_listed_to_whom_it_is_granted"),
    met(
        "endpoint",
        "features of a user: get, put",
        _API + "test_what_is_said_of_a_user_is_kept_as_history_and_told_with_what_is_derived",
    ),
    met("endpoint", "performance of the model", _API + "test_versions_and_figures_of_the_ranking_model_are_told"),
    met("endpoint", "versions of the model; activate", _API + "test_a_version_is_activated_by_its_number"),
    met("endpoint", "cache: statistics, clear", _API + "test_clearing_the_cache_is_for_those_who_may_activate"),
    missing("endpoint", "experiments (A/B tests)", "They come with roll-outs of versions; nothing is stubbed"),
    # Tables
    differently(
        "table",
        "User",
        "Users are the client's and known by the id it gives them; what is known of them are their events and statements",
        _SUGGEST + "test_a_user_nobody_knows_gets_what_is_popular_and_no_made_up_reason",
    ),
    met("table", "Proposition, Interaction, Feature", _OURS + "test_admin.py::test_the_lists_open_with_rows"),
    differently(
        "table",
        "ModelPerformance",
        "The figures are those of the version in the registry, with ranges and data sets",
        _API + "test_versions_and_figures_of_the_ranking_model_are_told",
    ),
    differently(
        "table",
        "repositories and Alembic migrations",
        "Django's query sets in `services` and `selectors`, and Django's migrations",
        _API + "test_listing_interactions_takes_as_many_queries_for_many_as_for_few",
    ),
    # Learning
    met("learning", "XGBoost, random forest, gradient boosting", _TRAIN + "test_each_kind_learns_what_is_liked"),
    met(
        "learning",
        "user, context and item features, by one code path for training and serving",
        _SKEW + "test_the_rows_learned_from_are_the_rows_that_were_asked",
    ),
    met("learning", "AUC", _METRICS + "test_auc_counts_the_pairs_that_are_in_order"),
    met("learning", "NDCG", _METRICS + "test_ndcg_is_scikit_learns_also_with_equal_scores"),
    met("learning", "MSE, RMSE, MAE, R²", _METRICS + "test_errors_of_the_probability"),
    met("learning", "versions of models", _API + "test_a_version_is_activated_by_its_number"),
    differently(
        "learning",
        "scheduled retraining",
        "It trains, compares and proposes; a person, or one setting, lets the version go live",
        _RETRAIN
        + "test_the_schedule_asks_when_enough_is_new "
        + _RETRAIN
        + "test_a_better_version_is_proposed_and_nothing_goes_live_by_itself",
    ),
    # Ranking
    met("ranking", "online ranking by a model", _SUGGEST + "test_one_call_of_the_predictor_rates_all_candidates"),
    met("ranking", "rules when there is no model", _SUGGEST + "test_without_a_model_rules_rank_and_say_so"),
    met(
        "ranking",
        "graceful degradation when the model fails",
        _SUGGEST + "test_a_model_that_fails_is_replaced_by_rules",
    ),
    met(
        "ranking",
        "an explanation of each suggestion",
        _OURS + "test_reasons.py::test_the_reason_is_drawn_from_what_moved_the_model",
    ),
    # Cache
    differently(
        "cache",
        "Redis first, in memory as the fallback",
        "In memory first, then Redis where there is one; a Redis that fails is left alone for a while",
        _OURS
        + "test_suggestion_cache.py::test_without_redis_each_process_remembers_alone "
        + _OURS
        + "test_suggestion_cache.py::test_a_redis_that_does_not_answer_costs_no_suggestion",
    ),
    met(
        "cache",
        "time to live, configurable",
        _OURS + "test_suggestion_cache.py::test_a_list_is_forgotten_after_its_time",
    ),
    met("cache", "statistics", _API + "test_metrics_tell_of_requests_latency_cache_and_clicks"),
    differently(
        "cache",
        "a decorator `cached` for functions",
        "One cache with a key that holds everything the list depends on",
        _SUGGEST + "test_a_remembered_list_is_dropped_when_it_would_be_wrong",
    ),
    # Monitoring
    met("monitoring", "p50, p95, p99", _API + "test_metrics_tell_of_requests_latency_cache_and_clicks"),
    differently(
        "monitoring",
        "metrics in a buffer in memory, at most 10,000",
        "Histograms in files that outlast the process: nothing to overflow",
        "tests/monitoring/test_scrape.py::test_counts_are_sums_over_processes_and_outlive_a_killed_one",
    ),
    met(
        "monitoring",
        "Grafana dashboards and alert rules",
        "tests/mlplatform/test_deployed_monitoring.py::test_every_metric_they_name_exists",
    ),
    # Access
    met("access", "JWT", "tests/accounts/test_views.py::test_login_gives_tokens_that_work"),
    met(
        "access",
        "rate limits",
        "tests/mlplatform/test_rate_limits.py::"
        "test_over_the_limit_the_answer_is_429_in_the_envelope_with_a_time_to_come_again",
    ),
    met("access", "CORS", "tests/mlplatform/test_cors.py::test_a_named_site_may_ask_with_a_key_but_without_cookies"),
    # Settings and operation
    met("settings", "`DATABASE_URL`, `REDIS_URL`, `LOG_LEVEL`", _SETTINGS),
    met("settings", "`MODEL_PATH`", "tests/mlplatform/test_env.py::test_model_files_lie_where_model_path_says"),
    # Targets
    met("target", "AUC above 0.75", _TRAIN + "test_the_shipped_model_reaches_its_target_on_the_held_out_month"),
    differently(
        "target",
        "p99 below 150 ms",
        "22 ms with one client, 71 ms with four, 106 ms with sixteen whose lists are remembered; 303 ms with sixteen that "
        "never ask twice, which saturated the two cores measured on; since then a list costs a third less of a core",
    ),
]
