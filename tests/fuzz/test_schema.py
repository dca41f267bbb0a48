"""The API against its own OpenAPI schema: whatever is sent, no fault of ours and no answer that is not documented.

FUZZ_EXAMPLES says how many requests are made of each call; `make fuzz` makes many. Where they are few, a caller without
a credential makes one. Half of the requests are as the schema has them, half are not.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode, checks

from accounts import services as account_services
from accounts.models import Scope
from mlplatform.wsgi import application
from registry import services
from registry.models import RegisteredModel
from registry.serving import LoadPolicy

# What a client sends is refused, or not, before a database sees it; with DATABASE_URL, `make fuzz` is on PostgreSQL.
pytestmark = pytest.mark.once

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
THOROUGH = EXAMPLES > 10
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
# It says by 503 that the model of a solution is not there, and here none is.
TELLS_BY_503 = {"GET /api/v1/ml/health"}


def bounded(caller: str) -> settings:
    """Who has no credential is refused before a body is read, or asks what the others ask, too."""
    return settings(
        max_examples=1 if caller == CALLERS[0] and not THOROUGH else EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not THOROUGH,
        suppress_health_check=list(HealthCheck),
    )


def served(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The platform as a server calls it: each answer is closed, and with it what its request opened."""
    answer = application(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


SCHEMA = schemathesis.openapi.from_wsgi("/api/schema?format=json", served)
OPERATIONS = {operation.label: operation for operation in (found.ok() for found in SCHEMA.get_all_operations())}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CALLERS = ("nobody", "somebody", "somebody who knows what there is")


@pytest.fixture
def unlimited(settings: Any) -> None:
    settings.RATE_LIMIT_REQUESTS = settings.RATE_LIMIT_KEY_REQUESTS = 0


@pytest.fixture
def one_connection() -> Iterator[None]:
    """As in Django's own test client: a request does not close the connection on which the test's data lies."""
    watched = (signals.request_started, signals.request_finished)
    for signal in watched:
        signal.disconnect(close_old_connections)
    yield
    for signal in watched:
        signal.connect(close_old_connections)


@pytest.fixture
def known(served_version: Callable[..., Any], ada: Any) -> dict[str, Any]:
    """A live model of Ada's, and a key of hers that may do everything."""
    version = served_version("theirs", 1.0)
    services.activate(version=version, by=ada, note="")
    # No process serves here, which must not be a fault: health says 503 when one has to.
    RegisteredModel.objects.update(load_policy=LoadPolicy.LAZY)
    _, text = account_services.create_key(by=ada, owner=ada, name="k", scopes=[*Scope.values])
    return {"ref": "theirs", "number": version.number, "key": text}


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_documented_and_no_fault_of_ours(
    label: str, known: dict[str, Any], unlimited: None, one_connection: None, new_process: Callable[[], None]
) -> None:
    wanted = CHECKS[1:] if label in TELLS_BY_503 else CHECKS
    for mode in MODES:
        cases = OPERATIONS[label].as_strategy(generation_mode=mode)
        for caller in CALLERS:
            # What one caller changed, the next must not find.
            with transaction.atomic():
                try:
                    _ask(cases, caller, known, wanted)
                except BaseException as error:
                    error.add_note(f"Asked by {caller}, {mode.value}.")
                    raise
                transaction.set_rollback(True)
            new_process()


def _ask(cases: Any, caller: str, known: dict[str, Any], wanted: list[Any]) -> None:
    """Call the operation in some ways; raises where an answer is not as it should be."""
    headers = {} if caller == CALLERS[0] else {"X-API-Key": known["key"]}

    @bounded(caller)
    @given(case=cases)
    def ask(case: Case) -> None:
        if caller == CALLERS[-1]:
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        # Nobody validates uploads here, so waiting for it would last as long as was asked.
        case.query.pop("wait", None)
        case.call_and_validate(headers=headers, checks=wanted)

    ask()


def test_the_schema_covers_the_api() -> None:
    assert "POST /api/v1/predict/{ref}" in OPERATIONS
    assert len(OPERATIONS) >= 20
