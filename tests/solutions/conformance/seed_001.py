"""The model serving platform: registration, models, predictions."""

from tests.solutions.conformance.rows import differently, met

TITLE = "Seed 001: model serving platform"
SUMMARY = "Accounts, uploads with versions, predictions with a cache and a log."

_AUTH = "tests/accounts/test_views.py::"
_REGISTER = "tests/accounts/test_registration.py::"
_FAMILY = "tests/accounts/test_token_families.py::"
_MODELS = "tests/registry/test_api.py::"
_PREDICT = "tests/inference/test_predict_api.py::"
_LIFE = "tests/registry/test_life.py::"
_CACHE = "tests/inference/test_model_cache.py::"
_ROUTES = "tests/mlplatform/test_docs.py::test_every_call_of_the_api_is_documented"

ROWS = [
    # Endpoints
    met("endpoint", "POST `/api/v1/auth/register`", _REGISTER + "test_an_account_is_made_and_can_sign_in"),
    met("endpoint", "POST `/api/v1/auth/login`", _AUTH + "test_login_gives_tokens_that_work"),
    met("endpoint", "POST `/api/v1/auth/refresh`", _AUTH + "test_refreshing_gives_new_tokens"),
    met("endpoint", "GET `/api/v1/auth/me`", _AUTH + "test_me_names_groups_and_permissions"),
    met("endpoint", "POST `/api/v1/models/upload`", _MODELS + "test_an_upload_is_accepted_and_waits_to_be_validated"),
    met("endpoint", "GET `/api/v1/models`", _MODELS + "test_models_are_listed_filtered_searched_and_ordered"),
    met(
        "endpoint", "GET `/api/v1/models/{id}`", _MODELS + "test_a_model_tells_what_is_live_and_its_versions_which_is"
    ),
    met(
        "endpoint",
        "PATCH and DELETE `/api/v1/models/{id}`; DELETE archives",
        _MODELS + "test_a_model_is_changed_and_archived_by_its_owner_alone",
    ),
    met("endpoint", "POST `/api/v1/predict/{model_id}`", _PREDICT + "test_an_answer_has_the_shape_of_the_contract"),
    met(
        "endpoint",
        "a health endpoint",
        "tests/mlplatform/test_middleware.py::test_health_is_answered_to_anybody_under_any_host",
    ),
    met(
        "endpoint",
        "with and without a trailing slash",
        "tests/accounts/test_routing.py::test_either_form_leads_to_the_same_view",
    ),
    # Accounts
    met("accounts", "the address is validated", _REGISTER + "test_what_cannot_be_an_account_is_refused_field_by_field"),
    met(
        "accounts",
        "passwords of any length, also beyond 72 bytes, by argon2",
        _REGISTER + "test_passwords_of_any_length_and_script_work_to_the_last_letter",
    ),
    met(
        "accounts", "access and refresh tokens", "tests/accounts/test_tokens.py::"
        "test_access_and_refresh_tokens_do_not_stand_in_for_each_other",
    ),
    met("accounts", "tokens expire", "tests/accounts/test_tokens.py::test_an_expired_token_says_that_it_has_expired"),
    met(
        "accounts",
        "a used refresh token is worth nothing",
        _FAMILY + "test_a_used_refresh_token_is_refused_and_ends_the_sign_in",
    ),
    met("accounts", "protected routes", "tests/matrix/test_matrix.py::test_every_route_and_verb_has_a_rule"),
    met("accounts", "API keys (planned there)", _AUTH + "test_a_key_is_made_listed_and_revoked"),
    # Models
    met(
        "models",
        "joblib and pickle files of scikit-learn, whichever they are",
        "tests/registry/test_recognise.py::test_a_plain_pickle_is_recognised_in_every_protocol",
    ),
    met("models", "versions numbered without being told", "tests/registry/test_services.py::"
        "test_versions_count_up_and_a_failed_upload_takes_no_number"),
    met(
        "models",
        "files by user, name and version: `models/{user_id}/{name}/v1/model.pkl`",
        "tests/registry/test_services.py::test_an_upload_makes_a_pending_version_and_changes_nothing_that_is_served",
    ),
    differently(
        "models",
        "status active, deprecated, archived",
        "`active` is no status: the ledger says what is live, and `?status=active` asks for it",
        _LIFE + "test_a_deprecated_version_is_still_served_and_can_be_restored "
        + _MODELS + "test_models_are_listed_filtered_searched_and_ordered",
    ),
    met("models", "soft delete", _LIFE + "test_an_archived_model_is_served_again_once_it_is_restored"),
    met("models", "every list in pages", "tests/mlplatform/test_openapi.py::test_lists_come_in_pages"),
    met(
        "models",
        "a registered account uploads and predicts with nobody between",
        _REGISTER + "test_a_new_account_is_no_staff_and_joins_the_group",
    ),
    # Predictions
    differently(
        "predictions",
        "a model cache of five, least recently used out",
        "bounded by count and bytes, by setting; what is live stays",
        _CACHE + "test_the_least_recently_used_goes_when_there_are_too_many",
    ),
    met("predictions", "loaded from disk on demand, once", _CACHE + "test_a_hundred_threads_cause_one_load"),
    met("predictions", "confidence and probabilities", _PREDICT + "test_an_answer_has_the_shape_of_the_contract"),
    met("predictions", "every prediction is logged", _PREDICT + "test_the_answers_id_is_the_records_id"),
    met("predictions", "failed ones, too", _PREDICT + "test_a_bad_input_gets_a_clear_refusal_and_is_recorded"),
    met("predictions", "inference time in the answer", _PREDICT + "test_an_answer_has_the_shape_of_the_contract"),
    met("predictions", "status codes that fit", _PREDICT + "test_a_wrong_cell_is_named_by_row_and_column"),
    differently(
        "predictions",
        "the body of a prediction (never specified there)",
        "exactly one of `instances`, `inputs`, `dataframe_split`, `dataframe_records`",
        _PREDICT + "test_every_way_to_write_a_row_means_the_same",
    ),
    # Next phase there
    met("planned there", "analytics endpoints", "tests/monitoring/test_statistics.py::"
        "test_analytics_of_one_model_have_its_course"),
    met("planned there", "answers remembered in Redis", "tests/inference/test_shared_answers.py::"
        "test_an_answer_is_the_same_for_another_process_and_runs_out"),
    met("planned there", "dashboards", "tests/monitoring/pages/test_traffic_pages.py::"
        "test_the_dashboard_shows_numbers_charts_and_the_same_numbers_as_text"),
    met("planned there", "request ids through log and answer", "tests/mlplatform/test_middleware.py::"
        "test_a_sane_request_id_is_kept"),
    # Stack
    differently("stack", "FastAPI, SQLAlchemy, Alembic, Pydantic", "Django with its own migrations, and DRF", _ROUTES),
    differently(
        "stack",
        "PostgreSQL 15, Redis 7",
        "both by setting; SQLite and no Redis by default; the tests run on both",
        "tests/mlplatform/test_checks.py::test_sqlite_in_production_is_a_warning",
    ),
    differently(
        "claims",
        "first prediction 636 ms, remembered 2 ms",
        "measured by `manage.py benchmark` and the comparison in performance.md, on the machine at hand",
        "tests/live/test_benchmark.py::test_a_running_server_is_measured_judged_and_told_as_json",
    ),
]  # fmt: skip
