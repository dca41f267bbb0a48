"""Settings of what happens beside the requests: jobs, records, outcomes, alerts. Read by `mlplatform/settings.py`."""

from mlplatform import env

# -- Solutions ----------------------------------------------------------------------------------------

PROPOSITIONS_CACHE_SECONDS = env.number(
    "PROPOSITIONS_CACHE_SECONDS", 60.0, "How long a suggested list is remembered, unless the user does something."
)
PROPOSITIONS_DIVERSITY = env.number(
    "PROPOSITIONS_DIVERSITY", 0.3, "How much suggestions vary their categories: 0 not at all, 1 whatever it costs."
)
PROPOSITIONS_COUNT_SECONDS = env.number(
    "PROPOSITIONS_COUNT_SECONDS", 3600.0, "How often impressions and clicks of propositions are counted."
)
PROPOSITIONS_KEEP_DAYS = env.integer(
    "PROPOSITIONS_KEEP_DAYS", 365, "How long what users did with propositions is kept; 0: for good."
)
PROPOSITIONS_RETRAIN_DAYS = env.number(
    "PROPOSITIONS_RETRAIN_DAYS", 7.0, "How often the ranking is retrained when enough is new; 0: only when asked."
)
PROPOSITIONS_ACTIVATE = env.flag(
    "PROPOSITIONS_ACTIVATE",
    False,
    "Whether a retrained ranking that is better beyond doubt goes live by itself; else a person decides.",
)

# -- What `manage.py benchmark` judges by --------------------------------------------------------------

BENCHMARK_LOAD_SECONDS = env.number("BENCHMARK_LOAD_SECONDS", 3.0, "Promised: all models load in a fresh process.")
BENCHMARK_INFERENCE_MS = env.number("BENCHMARK_INFERENCE_MS", 100.0, "Promised: the longest that a prediction takes.")
BENCHMARK_MEMORY_MB = env.number("BENCHMARK_MEMORY_MB", 500.0, "Promised: memory of all serving processes together.")
BENCHMARK_CONCURRENT_CLIENTS = env.integer("BENCHMARK_CONCURRENT_CLIENTS", 10, "Clients that ask at once.")
BENCHMARK_CONCURRENT_MS = env.number("BENCHMARK_CONCURRENT_MS", 200.0, "Promised: their mean time.")
BENCHMARK_SUCCESS_RATE = env.number("BENCHMARK_SUCCESS_RATE", 0.95, "Promised: the share of good answers.")
BENCHMARK_CACHE_SPEEDUP = env.number(
    "BENCHMARK_CACHE_SPEEDUP", 10.0, "Promised: how many times faster a remembered answer comes."
)
BENCHMARK_WORTH_CACHING_MS = env.number(
    "BENCHMARK_WORTH_CACHING_MS", 10.0, "Below this much time of the model, remembering is promised nothing."
)
BENCHMARK_SUGGEST_MS = env.number("BENCHMARK_SUGGEST_MS", 150.0, "Promised: the p99 of a list of propositions.")
BENCHMARK_SUGGEST_AUC = env.number("BENCHMARK_SUGGEST_AUC", 0.75, "Promised: the ranking's AUC on data held out.")

# -- Validation and jobs ------------------------------------------------------------------------------

VALIDATION_SECONDS = env.number(
    "VALIDATION_SECONDS", 300.0, "The longest a validation may run, in seconds of wall clock."
)
VALIDATION_MEMORY_BYTES = env.integer(
    "VALIDATION_MEMORY_BYTES", 4 * 1024**3, "Address space of the validation sandbox."
)
JOB_LEASE_SECONDS = env.number(
    "JOB_LEASE_SECONDS", 15.0, "A job whose runner is silent for longer is taken up by another."
)
JOB_MAX_ATTEMPTS = env.integer("JOB_MAX_ATTEMPTS", 3, "Attempts before a job is given up, with its reason kept.")

# -- Releases ------------------------------------------------------------------------------------------

MIGRATE_LOCK_SECONDS = env.number(
    "MIGRATE_LOCK_SECONDS", 2.0, "How long `migrate` waits on PostgreSQL for a table that others use; 0: without end."
)
MIGRATE_ATTEMPTS = env.integer(
    "MIGRATE_ATTEMPTS", 60, "How often `migrate` gives way, and tries again a second later, before it gives up."
)

# -- Bulk scoring -------------------------------------------------------------------------------------

BATCH_DIR = env.text(
    "BATCH_DIR",
    "",
    "Where the files of batch jobs lie; with several hosts a directory that all share. Empty means batch/ in VAR_DIR.",
)
BATCH_MAX_BYTES = env.integer("BATCH_MAX_BYTES", 2 * 1024**3, "The largest file that may be uploaded to be scored.")
BATCH_JOBS_PER_OWNER = env.integer("BATCH_JOBS_PER_OWNER", 3, "Unfinished batch jobs that one account may have.")
BATCH_OWNER_BYTES = env.integer(
    "BATCH_OWNER_BYTES", 10 * 1024**3, "Disk that the inputs and results of one account's batch jobs may take."
)
BATCH_ROWS_PER_DAY = env.integer(
    "BATCH_ROWS_PER_DAY", 0, "Rows that one account may have scored by batch jobs of a day; 0 means no limit."
)
BATCH_KEEP_DAYS = env.number(
    "BATCH_KEEP_DAYS", 7.0, "Days after its end for which a batch job and its results are kept; its input goes at once."
)
BATCH_PROCESSES = env.integer(
    "BATCH_PROCESSES", 1, "Batch jobs that one job runner works on at once, each in a process of its own; 0: none."
)
BATCH_THREADS = env.integer("BATCH_THREADS", 0, "Threads of such a process; 0 means one for each core it may use.")
BATCH_MEMORY_BYTES = env.integer(
    "BATCH_MEMORY_BYTES", 4 * 1024**3, "The most memory such a process may ask for; a job that needs more fails."
)
BATCH_STALL_SECONDS = env.number(
    "BATCH_STALL_SECONDS", 600.0, "A job's process that finishes no part for longer is ended, and the job tried again."
)
DASK_SCHEDULER = env.text(
    "DASK_SCHEDULER",
    "",
    "A dask.distributed scheduler (tcp://host:8786) whose workers score in place of the job's process; extra `dask`.",
)

# -- Records ------------------------------------------------------------------------------------------

SPOOL_MAX_BYTES = env.integer(
    "SPOOL_MAX_BYTES", 2 * 1024**3, "Disk the unshipped prediction records of this host may take."
)
SPOOL_WHEN_FULL = env.text(
    "SPOOL_WHEN_FULL",
    "drop",
    "When the spool is full: `drop` data first, then records (counted), or `refuse` predictions (503).",
)
SPOOL_ROTATE_BYTES = env.integer(
    "SPOOL_ROTATE_BYTES", 64 * 1024**2, "A spool file that is larger is closed and a new one begun."
)
SPOOL_SHIP_SECONDS = env.number("SPOOL_SHIP_SECONDS", 0.25, "How often spooled records are loaded into the database.")

RECORD_RETENTION_DAYS = env.integer(
    "RECORD_RETENTION_DAYS",
    90,
    "Days after which a prediction record is deleted; 0 keeps it. A model may have its own.",
)
ROLLUP_MINUTE_DAYS = env.integer("ROLLUP_MINUTE_DAYS", 14, "Days for which sums per minute are kept; 0: for good.")
ROLLUP_QUARTER_DAYS = env.integer(
    "ROLLUP_QUARTER_DAYS", 90, "Days for which sums per quarter of an hour are kept; 0: for good."
)
ROLLUP_HOUR_DAYS = env.integer("ROLLUP_HOUR_DAYS", 730, "Days for which sums per hour are kept; 0: for good.")
ROLLUP_DAY_DAYS = env.integer("ROLLUP_DAY_DAYS", 0, "Days for which sums per day are kept; 0: for good.")

# -- Outcomes -----------------------------------------------------------------------------------------

FEEDBACK_WAIT_SECONDS = env.number(
    "FEEDBACK_WAIT_SECONDS",
    3600.0,
    "How long feedback waits for a prediction that is not recorded yet before it is marked as unknown.",
)
FEEDBACK_UNKNOWN_DAYS = env.number(
    "FEEDBACK_UNKNOWN_DAYS", 30.0, "Days for which feedback about predictions that were never found is kept."
)
FEEDBACK_KEEP_DAYS = env.number(
    "FEEDBACK_KEEP_DAYS", 730.0, "Days for which feedback is kept; the sums of quality stay. 0 means for ever."
)

# -- Drift --------------------------------------------------------------------------------------------

DRIFT_CHECK_SECONDS = env.number(
    "DRIFT_CHECK_SECONDS", 3600.0, "How often each live version that has a reference is looked at for drift."
)
DRIFT_WINDOW_HOURS = env.number("DRIFT_WINDOW_HOURS", 24.0, "How far back such a look goes, in hours.")
DRIFT_ROWS = env.integer("DRIFT_ROWS", 2000, "The most requests that one look reads; from more they are drawn.")
DRIFT_MIN_REFERENCE = env.integer("DRIFT_MIN_REFERENCE", 50, "The fewest rows that make a reference.")
DRIFT_MIN_ROWS = env.integer("DRIFT_MIN_ROWS", 100, "With fewer rows nothing is said about drift.")
DRIFT_PSI = env.number("DRIFT_PSI", 0.1, "The population stability index from which numbers count as drifted.")
DRIFT_JS = env.number("DRIFT_JS", 0.1, "The Jensen-Shannon distance from which categories count as drifted.")
DRIFT_ALPHA = env.number(
    "DRIFT_ALPHA", 0.01, "The chance of a false alarm that one look at all features of a version may have."
)
DRIFT_KEEP_DAYS = env.number("DRIFT_KEEP_DAYS", 90.0, "Days for which looks for drift are kept.")

# -- Alerts -------------------------------------------------------------------------------------------

_mail = env.mail("EMAIL_URL", "The mail server for alerts: smtp+tls://user:password@host:587; empty sends no mail.")
HAS_MAIL_SERVER = bool(_mail)
EMAIL_BACKEND = _mail.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST, EMAIL_PORT = _mail.get("EMAIL_HOST", ""), _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_USER") or "", _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
ALERT_FROM = env.text("ALERT_FROM", "mlplatform@localhost", "The sender of alerts by e-mail.")
ALERT_SITE_URL = env.text("ALERT_SITE_URL", "", "Where people find this platform (https://…), for links in alerts.")
RUNBOOKS_URL = env.text(
    "RUNBOOKS_URL",
    "",
    "Where people read docs/runbooks.md (https://…), if not at /admin/runbooks; for links in alerts.",
)
ALERT_WEBHOOK_NETWORKS = env.names(
    "ALERT_WEBHOOK_NETWORKS",
    [],
    "Private networks (10.0.0.0/8) that webhooks of alerts may call, also without TLS; others must be public.",
)

# -- The page of the API ------------------------------------------------------------------------------

SPECTACULAR_SETTINGS = {
    "TITLE": "mlplatform",
    "DESCRIPTION": "Upload, prove, activate, serve and record machine-learning models.",
    "VERSION": "1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "registry.models.Status",
        "FormatEnum": "registry.models.Format",
        "JobStatusEnum": "inference.batch.models.JobStatus",
        "FileKindEnum": "inference.batch.serializers.KINDS",
    },
}
