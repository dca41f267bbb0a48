"""The one settings file. Every value an operator may change is read through `env` and documented there.

A bare clone runs: with nothing set, the platform uses SQLite, an in-process cache and a generated secret,
all below VAR_DIR. With PRODUCTION=true the system checks demand what production needs.
"""

import os
import secrets
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from django.templatetags.static import static

from mlplatform import env, local_secret, logs

BASE_DIR = Path(__file__).resolve().parent.parent

# -- Where things are ---------------------------------------------------------------------------------

VAR_DIR = env.path("VAR_DIR", BASE_DIR / "var", "Everything the platform writes lies below this directory.")
PORT = env.integer("PORT", 8000, "The port the web server listens on.")
BIND = env.text("BIND", "127.0.0.1", "The address the web server listens on.")
MODELS_DIR = env.path("MODEL_PATH", VAR_DIR / "models", "Where stored model files lie, if not below VAR_DIR.")
# A file is moved into its place, which works within one file system only.
STAGING_DIR = VAR_DIR / "uploads" if MODELS_DIR.is_relative_to(VAR_DIR) else MODELS_DIR / ".uploads"
SPOOL_DIR = VAR_DIR / "spool"
METRICS_DIR = VAR_DIR / "metrics"
STATIC_ROOT = VAR_DIR / "static"
for _directory in (VAR_DIR, MODELS_DIR, STAGING_DIR, SPOOL_DIR, METRICS_DIR, STATIC_ROOT):
    _directory.mkdir(mode=0o700, parents=True, exist_ok=True)

# -- Safety -------------------------------------------------------------------------------------------

PRODUCTION = env.flag("PRODUCTION", False, "Turns on the production profile: HTTPS only, explicit secrets and hosts.")
DEBUG = env.flag("DEBUG", False, "Django's debug pages; never in production.")
SECRET_KEY = env.text("SECRET_KEY", "", "Signs sessions; generated below VAR_DIR when empty and not in production.")
JWT_SIGNING_KEY = env.text(
    "JWT_SIGNING_KEY", "", "Signs JWTs; generated below VAR_DIR when empty and not in production."
)
JWT_SIGNING_KEY_FALLBACK = env.text(
    "JWT_SIGNING_KEY_FALLBACK",
    "",
    "The signing key before the present one: its tokens are still read, new ones are not made.",
)
JWT_AUDIENCE = env.text(
    "JWT_AUDIENCE", "mlplatform", "Names this installation in its JWTs; those of another are refused."
)
API_KEY_PEPPER = env.text(
    "API_KEY_PEPPER",
    "",
    "Keys the hash of API keys; generated below VAR_DIR when empty and not in production.",
)
ARTIFACT_SEAL_KEY = env.text(
    "ARTIFACT_SEAL_KEY",
    "",
    "Keys the seals of stored model files; generated below VAR_DIR when empty and not in production.",
)
ARTIFACT_SEAL_KEY_FALLBACK = env.text(
    "ARTIFACT_SEAL_KEY_FALLBACK",
    "",
    "The seal key before the present one: its seals still hold until `manage.py sealmodels` has renewed them.",
)
if not PRODUCTION:
    SECRET_KEY = SECRET_KEY or local_secret.read(VAR_DIR, "secret_key")
    JWT_SIGNING_KEY = JWT_SIGNING_KEY or local_secret.read(VAR_DIR, "jwt_signing_key")
    API_KEY_PEPPER = API_KEY_PEPPER or local_secret.read(VAR_DIR, "api_key_pepper")
    ARTIFACT_SEAL_KEY = ARTIFACT_SEAL_KEY or local_secret.read(VAR_DIR, "artifact_seal_key")
HAS_SECRET_KEY = bool(SECRET_KEY)
# So that `manage.py check --deploy` can tell of everything that is missing; nothing is served with it.
SECRET_KEY = SECRET_KEY or secrets.token_urlsafe(48)

ALLOWED_HOSTS = env.names(
    "ALLOWED_HOSTS",
    ["localhost", "127.0.0.1", "[::1]"],
    "Host names the platform answers to; in production they must be named.",
)
if PRODUCTION and not env.is_given("ALLOWED_HOSTS"):
    ALLOWED_HOSTS = []
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", [], "Origins (https://…) whose forms are trusted.")
SECURE_SSL_REDIRECT = PRODUCTION
HSTS_SECONDS = env.integer("HSTS_SECONDS", 31536000, "Strict-Transport-Security max-age in production.")
SECURE_HSTS_SECONDS = HSTS_SECONDS if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
# Asked by what stands beside the proxy: probes, and Prometheus, which a redirect would lead to another server.
SECURE_REDIRECT_EXEMPT = [r"^health/?$", r"^ready/?$", r"^metrics/?$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600
if PRODUCTION:
    # The prefix has browsers insist on Secure, on this host and on no other.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# -- Apps ---------------------------------------------------------------------------------------------

# The extra `otp`: the second factor of staff.
_SECOND_FACTOR_APPS = ["django_otp", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_static"]

INSTALLED_APPS = [
    # The plain configuration: the other one would put its own admin site in the place of ours.
    "unfold.apps.BasicAppConfig",
    "mlplatform.admin_app.PlatformAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    # Before accounts, which takes their tables of secrets out of the admin.
    *(_SECOND_FACTOR_APPS if find_spec("django_otp") else []),
    "accounts",
    "registry",
    "monitoring",
    "inference",
    "solutions",
    "mlplatform",
]

MIDDLEWARE = [
    "mlplatform.middleware.RequestIdMiddleware",
    "mlplatform.middleware.HealthMiddleware",
    "mlplatform.http_metrics.Before",
    "mlplatform.middleware.ContentPolicyMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "mlplatform.middleware.NulMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "mlplatform.rate_limits.RateLimitMiddleware",
    "mlplatform.browser_middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "mlplatform.browser_middleware.Users",
    "mlplatform.browser_middleware.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "mlplatform.http_metrics.After",
]

ROOT_URLCONF = "mlplatform.urls"
WSGI_APPLICATION = "mlplatform.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["accounts.templatetags.moments"],
        },
    },
]

# -- Data ---------------------------------------------------------------------------------------------

DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        f"sqlite:///{VAR_DIR / 'db.sqlite3'}",
        "The database, for example postgres://user:password@host:5432/name.",
    )
}
_database = DATABASES["default"]
_database["CONN_MAX_AGE"] = env.integer("DATABASE_CONN_MAX_AGE", 600, "Seconds a database connection is kept open.")
_database["CONN_HEALTH_CHECKS"] = True

from mlplatform import settings_database  # noqa: E402 (where its settings stand on the page)

DATABASE_STATEMENT_SECONDS = settings_database.DATABASE_STATEMENT_SECONDS
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=30000;",
    }
    _database["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _database["OPTIONS"] = {**settings_database.postgresql_options(), **_database.get("OPTIONS", {})}
if not settings_database.IS_COMMAND:
    _database["ENGINE"] = settings_database.COUNTED.get(_database["ENGINE"], _database["ENGINE"])

REDIS_URL = env.redis(
    "REDIS_URL", "Redis as the shared cache, for example redis://host:6379/0; empty means in process."
)
CACHES = {
    "default": {
        "BACKEND": "django_prometheus.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": settings_database.redis_options(),
    }
    if REDIS_URL
    else {"BACKEND": "mlplatform.counted_locmem.LocMemCache"}
}

# -- Language, time, static files ---------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC", "The zone in which dates are shown when the reader's is unknown.")

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "files"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

# -- Passwords, tokens, keys --------------------------------------------------------------------------

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ISSUER": "mlplatform",
    "AUDIENCE": JWT_AUDIENCE,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=10),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "UPDATE_LAST_LOGIN": False,
}
SIGN_IN_ATTEMPTS = env.integer(
    "SIGN_IN_ATTEMPTS", 5, "Wrong passwords in a minute for one account from one network before a lock."
)
SIGN_IN_LOCK_SECONDS = env.number(
    "SIGN_IN_LOCK_SECONDS", 60.0, "How long the first lock lasts; each one after it lasts twice as long."
)
SIGN_IN_LOCK_MAX_SECONDS = env.number("SIGN_IN_LOCK_MAX_SECONDS", 3600.0, "The longest a lock lasts.")
REQUIRE_SECOND_FACTOR = env.flag(
    "REQUIRE_SECOND_FACTOR",
    False,
    "Whether staff need a second factor to enter the admin; takes the extra `otp`.",
)
OTP_TOTP_ISSUER = "mlplatform"
REGISTRATION_OPEN = env.flag(
    "REGISTRATION_OPEN", True, "Whether people may make accounts for themselves (POST /api/v1/auth/register)."
)
REGISTRATION_GROUP = env.text(
    "REGISTRATION_GROUP", "Data scientist", "The group that new accounts join; empty means none."
)
ML_API_KEYS = env.names(
    "ML_API_KEYS", [], "API keys for a first start: name:sha256,… with the SHA-256 of each key in hex."
)
ML_API_KEY_SCOPES = env.names("ML_API_KEY_SCOPES", ["predict", "read"], "The scopes of the keys in ML_API_KEYS.")
CREDENTIAL_OUTAGE_SECONDS = env.number(
    "CREDENTIAL_OUTAGE_SECONDS",
    60.0,
    "With the database down, credentials verified within this time go on working.",
)
CREDENTIAL_CACHE_SECONDS = env.number(
    "CREDENTIAL_CACHE_SECONDS",
    1.0,
    "How long a verified API key or token is remembered; bounds how late a revocation is noticed.",
)

# -- API ----------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["accounts.strict_json.FastJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accounts.negotiation.Negotiation",
    "DEFAULT_PARSER_CLASSES": ["accounts.strict_json.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "accounts.pagination.Pages",
    "DEFAULT_METADATA_CLASS": "accounts.metadata.PlainMetadata",
    "DEFAULT_SCHEMA_CLASS": "mlplatform.openapi.PlatformSchema",
    "EXCEPTION_HANDLER": "mlplatform.errors.handle",
    "UNAUTHENTICATED_USER": None,
}
# The one table from errors to answers; records of failed predictions ask it too.
ANSWER_TO_ERROR = "mlplatform.errors.answer_to"
DOCS_PUBLIC = env.flag("DOCS_PUBLIC", True, "Whether /docs and /api/schema are served.")

# -- Other sites in browsers --------------------------------------------------------------------------

CORS_ALLOWED_ORIGINS = env.names(
    "CORS_ALLOWED_ORIGINS", [], "Origins (https://…) whose pages may call the API from a browser."
)
CORS_URLS_REGEX = r"^/(api|predict|suggest|log_event|propositions|interactions|users|monitoring)(/|$)"
# Callers show a key or a token; cookies are the admin's and stay there.
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-api-key", "x-request-id"]
CORS_EXPOSE_HEADERS = [
    "Idempotency-Replayed",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "X-Cache",
    "X-Degraded",
    "X-Model-Version",
    "X-Request-ID",
]
CORS_PREFLIGHT_MAX_AGE = 3600

# -- Limits -------------------------------------------------------------------------------------------

TRUSTED_PROXIES = env.integer(
    "TRUSTED_PROXIES",
    0,
    "How many proxies of yours a request passes, each adding to X-Forwarded-For; 0 ignores that header.",
)
RATE_LIMIT_WINDOW = env.number("RATE_LIMIT_WINDOW", 60.0, "The sliding window of all limits, in seconds.")
RATE_LIMIT_REQUESTS = env.integer(
    "RATE_LIMIT_REQUESTS",
    100,
    "Requests per window from one client address without a good credential; 0 means no limit.",
)
RATE_LIMIT_KEY_REQUESTS = env.integer(
    "RATE_LIMIT_KEY_REQUESTS",
    6000,
    "Requests per window of one account, over all its keys and tokens; 0 means no limit.",
)
RATE_LIMIT_ROWS = env.integer(
    "RATE_LIMIT_ROWS", 0, "Rows per window that one account may have predicted; 0 means no limit."
)
RATE_LIMIT_REDIS_URL = (
    env.text("RATE_LIMIT_REDIS_URL", "", "The Redis in which hosts share their counts; empty means REDIS_URL.")
    or REDIS_URL
)
RATE_LIMIT_DIR = VAR_DIR / "limits"
CALLERS_DIR = VAR_DIR / "callers"

# -- Registry -----------------------------------------------------------------------------------------

MAX_ARTIFACT_BYTES = env.integer(
    "MAX_ARTIFACT_BYTES", 512 * 1024 * 1024, "The largest model file that may be uploaded."
)
MAX_BODY_BYTES = env.integer("MAX_BODY_BYTES", 64 * 1024 * 1024, "The largest JSON body of a request.")
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 20
FILE_UPLOAD_TEMP_DIR = STAGING_DIR
FILE_UPLOAD_HANDLERS = ["registry.uploads.ArtifactUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
SCRUB_LIVE_SECONDS = env.number(
    "SCRUB_LIVE_SECONDS", 30.0, "How often the stored files of what is live are checked against their digests."
)
SCRUB_SECONDS = env.number("SCRUB_SECONDS", 86400.0, "How often every other stored model file is checked.")
from mlplatform.settings_storage import *  # noqa: E402, F403 (where they stand on the page of settings)

CODE_FORMATS_ENABLED = env.flag(
    "CODE_FORMATS_ENABLED", True, "Whether formats that can carry code (pickle, joblib, skops, PyTorch) are accepted."
)

# -- Inference ----------------------------------------------------------------------------------------

from mlplatform.settings_inference import *  # noqa: E402, F403 (where they stand on the page of settings)

CACHE_REDIS_URL = (
    env.text(
        "CACHE_REDIS_URL",
        "",
        "The Redis in which processes share the answers of models slower than 1 ms; empty means REDIS_URL.",
    )
    or REDIS_URL
)

# -- What happens beside the requests -----------------------------------------------------------------

from mlplatform.settings_beside import *  # noqa: E402, F403 (where they stand on the page of settings)

# -- Metrics ------------------------------------------------------------------------------------------

# Read by prometheus_client when it is imported: its counts lie in files that outlast the process.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)
PROMETHEUS_LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METRICS_NETWORKS = env.names(
    "METRICS_NETWORKS", [], "Networks (10.0.0.0/8) that may read /metrics without a key; others need the staff's."
)

# -- Logs ---------------------------------------------------------------------------------------------

LOG_LEVEL = env.text("LOG_LEVEL", "INFO", "The least severe level that is logged.")
LOG_FORMAT = env.text(
    "LOG_FORMAT",
    "auto",
    "How a log line looks: `json`, `console`, or `auto` (console on a terminal and outside production, else json).",
)
LOG_REQUESTS = env.flag(
    "LOG_REQUESTS", False, "A log line for every request but /health and /ready; never with bodies or queries."
)
LOG_INPUTS = env.flag(
    "LOG_INPUTS", False, "Whether the log may hold what libraries say of a model's failure, inputs among it."
)
SENTRY_DSN = env.text(
    "SENTRY_DSN", "", "Where errors are sent, too (takes the extra `sentry`); empty means nowhere but the errors page."
)
SENTRY_ENVIRONMENT = env.text("SENTRY_ENVIRONMENT", "production", "What Sentry calls this installation.")
LOGGING = logs.configuration(level=LOG_LEVEL, form=LOG_FORMAT, is_production=PRODUCTION)

# -- The admin's look ---------------------------------------------------------------------------------

_SHADES = ("50", "100", "200", "300", "400", "500", "600", "700", "800", "900", "950")
_BLUES = (
    "97% .014 254.6", "93.2% .032 255.6", "88.2% .059 254.1", "80.9% .105 251.8", "70.7% .165 254.6",
    "62.3% .214 259.8", "54.6% .245 262.9", "48.8% .243 264.4", "42.4% .199 265.6", "37.9% .146 265.5",
    "28.2% .091 267.9",
)  # fmt: skip
UNFOLD = {
    "SITE_TITLE": "mlplatform",
    "SITE_HEADER": "mlplatform",
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("platform/icon.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {"primary": {shade: f"oklch({blue})" for shade, blue in zip(_SHADES, _BLUES, strict=True)}},
    "STYLES": [lambda request: static("platform/pages.css")],
    "SCRIPTS": [
        lambda request: static("platform/time.js"),
        lambda request: static("platform/copy.js"),
        lambda request: static("platform/menu.js"),
    ],
    "SIDEBAR": {"navigation": "mlplatform.admin_navigation.sections"},
    "ACCOUNT": {"navigation": "mlplatform.admin_navigation.account_links"},
}
