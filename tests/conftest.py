"""Fixtures every test may use. Nothing a test writes lies outside its own directory."""

import atexit
import io
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import hypothesis
from django.conf import settings
from django.test import override_settings

from mlplatform import one_thread
from tests import patience

# Before Django reads its settings: everything the platform writes goes below a directory of this process's own.
if not settings.configured:
    _run_dir = Path(tempfile.mkdtemp(prefix="mlplatform-tests-"))
    atexit.register(shutil.rmtree, _run_dir, ignore_errors=True)
    os.environ["VAR_DIR"] = str(_run_dir)
    os.environ["DJANGO_SETTINGS_MODULE"] = "mlplatform.settings"
    patience.begin()
    one_thread.tell_libraries()
    if "REDIS_URL" in os.environ and "PYTEST_XDIST_WORKER" in os.environ:
        # Processes that run tests side by side each empty their own database.
        address, _, database = os.environ["REDIS_URL"].rpartition("/")
        worker = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        os.environ["REDIS_URL"] = f"{address}/{int(database) - worker}"
if "KEPT_DIR" not in os.environ:
    # Processes that run tests side by side are told of it by the one that starts them.
    os.environ["KEPT_DIR"] = tempfile.mkdtemp(prefix="mlplatform-kept-")
    atexit.register(shutil.rmtree, os.environ["KEPT_DIR"], ignore_errors=True)
from tests import migrated

migrated.begin()
django.setup()
# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

import joblib  # noqa: E402
import pytest  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from tests import toys  # noqa: E402
from tests.emptying import emptied_by_deleting, made_anew_by_copying  # noqa: E402, F401
from tests.kept import kept_verdicts  # noqa: E402, F401
from tests.migrated import django_db_modify_db_settings  # noqa: E402, F401
from tests.opened_here import opened_here  # noqa: E402, F401
from tests.patience import patient  # noqa: E402, F401
from tests.standing_in import nothing_replaced_for_all  # noqa: E402, F401
from tests.stores import no_cache_unasked, pytest_addoption, pytest_collection_modifyitems  # noqa: E402, F401


def pytest_configure(config: pytest.Config) -> None:
    """The processes that this one starts to run tests must not be told of its settings before they read this page."""
    if getattr(config.option, "numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ:
        del os.environ["DJANGO_SETTINGS_MODULE"]


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Whoever makes a client makes WhiteNoise look through all static files; they stay the same."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    looking, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, Any]()

    def look(self: Any) -> None:
        if not found:
            looking(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """PostgreSQL drops no database that a thread of a test still holds a connection to."""
    yield
    with django_db_blocker.unblock():
        from django.db import connection

        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(scope="session", autouse=True)
def settings_of_tests() -> Iterator[None]:
    """What is the same in all of them."""
    # Argon2 is slow on purpose; tests that aren't about it needn't wait.
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    # What one test uses up is not missing in the next; tests of Redis itself say so.
    with override_settings(PASSWORD_HASHERS=hashers, RATE_LIMIT_REDIS_URL="", CACHE_REDIS_URL=""):
        yield


@pytest.fixture(autouse=True)
def var_dir(tmp_path: Path) -> Iterator[Path]:
    """A fresh VAR_DIR for each test. All in one: each change of a setting is told to a dozen who may want to know."""
    for name in ("models", "uploads", "spool", "metrics"):
        (tmp_path / name).mkdir()
    with override_settings(
        VAR_DIR=tmp_path,
        MODELS_DIR=tmp_path / "models",
        STAGING_DIR=tmp_path / "uploads",
        FILE_UPLOAD_TEMP_DIR=tmp_path / "uploads",
        SPOOL_DIR=tmp_path / "spool",
        # To read what a process counted that ran thousands of tests takes seconds; who wants to asks for `counts`.
        METRICS_DIR=tmp_path / "metrics",
        RATE_LIMIT_DIR=tmp_path / "limits",
        CALLERS_DIR=tmp_path / "callers",
    ):
        yield tmp_path


@pytest.fixture
def counts(var_dir: Path, settings: Any) -> None:
    """What this process and its children counted is there to be scraped."""
    settings.METRICS_DIR = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])


@pytest.fixture(autouse=True)
def fresh_process(new_process: Callable[[], None]) -> Iterator[None]:
    """No test sees what another one left in this process's memory."""
    new_process()
    yield
    new_process()


@pytest.fixture
def new_process(var_dir: Path) -> Callable[[], None]:
    """Has this process forget everything, as one that has just begun."""
    from accounts import database, key_uses, limit_hits
    from accounts.credential_cache import forget_all
    from inference import model_cache, prediction_cache, shared_answers
    from monitoring import summing
    from monitoring.error_groups import capture
    from monitoring.spool import shipping
    from monitoring.spool.counters import Counters, counters
    from monitoring.spool.writer import writer
    from registry import generation, resolver, shared_store
    from solutions.propositions import suggestion_cache

    def forget() -> None:
        for breaker in (database.breaker, suggestion_cache._breaker):
            breaker.succeeded()
        shared_answers._forget_in_child()
        shared_store.forget()
        writer.forget()
        shipping._known_offsets.clear()
        summing.forget()
        for name, value in Counters().as_facts().items():
            setattr(counters, name, value)
        generation.let_go()
        resolver.forget()
        model_cache.cache.clear()
        model_cache.cache.pin(frozenset())
        prediction_cache.cache.clear()
        forget_all()
        key_uses._noted.clear()
        limit_hits.take()
        capture.take()

    return forget


@pytest.fixture
def in_the_background() -> Iterator[None]:
    """As what a script starts with an ampersand: it ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def ada(db: None) -> Any:
    """A data scientist who may upload and activate her own models."""
    return make_user("ada@example.org", "upload_model")


@pytest.fixture
def bob(db: None) -> Any:
    """Another data scientist."""
    return make_user("bob@example.org", "upload_model")


@pytest.fixture
def root(db: None) -> Any:
    """A superuser."""
    from accounts.models import User

    return User.objects.create_superuser("root@example.org", "correct horse battery")


def make_user(email: str, *permissions: str) -> Any:
    """A user with the permissions named (of the app registry)."""
    from django.contrib.auth.models import Permission

    from accounts.models import User

    user = User.objects.create_user(email, "correct horse battery")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions, content_type__app_label="registry"))
    return user


@pytest.fixture
def joblib_file() -> Callable[[Any], io.BytesIO]:
    """Makes the file a data scientist would upload from a fitted estimator."""

    def dump(estimator: Any, **options: Any) -> io.BytesIO:
        buffer = io.BytesIO()
        joblib.dump(estimator, buffer, **options)
        buffer.seek(0)
        return buffer

    return dump


@pytest.fixture
def toy_classifier() -> LogisticRegression:
    """Two features, classes `no` and `yes`: yes when the first is larger."""
    rows = [[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0], [-1.0, 0.0], [0.0, -1.0]]
    return LogisticRegression().fit(rows, ["no", "yes", "no", "yes", "no", "yes"])


@pytest.fixture
def toy_file(joblib_file: Any, toy_classifier: Any) -> io.BytesIO:
    """The toy classifier as a file."""
    return joblib_file(toy_classifier)


@pytest.fixture
def served_version(ada: Any) -> Callable[..., Any]:
    """Makes a ready version of the oracle: it answers x + offset, so each answer names the version that made it.

    With `rounds` it takes about a microsecond for each before it does.
    """

    def make(name: str = "oracle", offset: float = 1.0, rounds: int = 0, **facts: Any) -> Any:
        from registry import services

        content = toys.slow_oracle(offset, rounds) if rounds else toys.oracle(offset)
        version = services.upload_version(by=ada, name=name, file=io.BytesIO(content))
        claimed = services.claim_for_validation(seconds=60, max_attempts=3)
        assert claimed == version
        found = {
            "runtime": "onnx",
            "signature": toys.ORACLE_SIGNATURE,
            "golden": None,
            "memory_bytes": 10_000,
            **facts,
        }
        return services.mark_ready(version=claimed, task="regression", handler="tabular", compiled=None, **found)

    return make
