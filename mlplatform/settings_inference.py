"""Settings of serving: processes, memory, caches, waiting. Read by `mlplatform/settings.py`."""

from mlplatform import env

WORKERS = env.integer("WORKERS", 2, "Serving processes.")
THREADS = env.integer("THREADS", 4, "Threads of each process that answers requests.")
SERVER = env.text(
    "SERVER", "builtin", "The web server that `serve` starts: `builtin`, or `gunicorn`, which bounds no waiting."
)
MAX_WAIT_MS = env.integer(
    "MAX_WAIT_MS",
    1000,
    "How long a request may wait for a thread of the builtin server. One that waits longer, or is expected to, is "
    "answered 503 `overloaded`.",
)
LAME_DUCK_SECONDS = env.number("LAME_DUCK_SECONDS", 5.0, "How long a stopping server answers on, no longer ready.")
FAST_LANE = env.flag(
    "FAST_LANE", True, "Answer the common prediction in front of Django; off, every request goes through the view."
)
MODEL_CACHE_COUNT = env.integer(
    "MODEL_CACHE_COUNT", 5, "Models kept loaded in each process besides those that are live."
)
MODEL_CACHE_BYTES = env.integer("MODEL_CACHE_BYTES", 400 * 1024 * 1024, "Memory for loaded models in each process.")
TORCH_DEVICE = env.text(
    "TORCH_DEVICE",
    "cpu",
    "Where PyTorch models that are served natively run: cpu, cuda, or auto (cuda where there is one).",
)
EXPLAINER_CACHE_BYTES = env.integer(
    "EXPLAINER_CACHE_BYTES", 64 * 1024 * 1024, "Memory in each process for what explanations are made with."
)
IMAGE_MAX_BYTES = env.integer(
    "IMAGE_MAX_BYTES", 8 * 1024 * 1024, "The largest encoded picture that is read; a larger one is answered 413."
)
IMAGE_MAX_PIXELS = env.integer(
    "IMAGE_MAX_PIXELS", 8 * 1024 * 1024, "Pictures with more pixels than this are not decoded, and answered 413."
)
CACHE_MAX_SIZE = env.integer("CACHE_MAX_SIZE", 1000, "Answers kept in the prediction cache of each process.")
CACHE_DEFAULT_TTL = env.number("CACHE_DEFAULT_TTL", 3600.0, "Seconds an answer stays in the prediction cache.")
PROCESS_MEMORY_BYTES = env.integer(
    "PROCESS_MEMORY_BYTES",
    500 * 1024 * 1024,
    "The memory one serving process should stay below; reported and logged, not enforced.",
)
DEADLINE_MS = env.integer(
    "DEADLINE_MS", 30_000, "A prediction that takes longer is answered 504; a model may have its own."
)
MAX_QUEUED = env.integer(
    "MAX_QUEUED", 64, "Requests that may wait for one model in each process before the next is answered 503."
)
BATCH_MAX_ROWS = env.integer(
    "BATCH_MAX_ROWS", 64, "Rows of several requests that may share one call, for models where that pays."
)
CIRCUIT_BREAKER_FAILURE_THRESHOLD = env.integer(
    "CIRCUIT_BREAKER_FAILURE_THRESHOLD", 5, "Failures in a row after which an outside service is left alone."
)
CIRCUIT_BREAKER_RECOVERY_TIMEOUT = env.number(
    "CIRCUIT_BREAKER_RECOVERY_TIMEOUT", 60.0, "Seconds until an outside service that failed is tried again."
)
STAGING_SECONDS = env.number(
    "STAGING_SECONDS", 60.0, "How long an activation waits for every serving process to be warm."
)
GENERATION_POLL_SECONDS = env.number(
    "GENERATION_POLL_SECONDS", 0.5, "How often a process asks the database what is active."
)
HEARTBEAT_SECONDS = env.number("HEARTBEAT_SECONDS", 1.0, "How often a serving process says that it lives.")
