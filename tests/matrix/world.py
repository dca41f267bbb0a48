"""Eight callers, and the things of Ada's that they try to reach."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import audit, services, tokens
from accounts.models import ApiKey, AuditEvent, User
from inference.models import BatchJob
from monitoring.models import Alert, AlertChannel, AlertEvent, AlertRule, ErrorGroup, Feedback, Outcome, PredictionLog
from registry import services as registry_services
from registry.models import ModelVersion
from solutions.notifications.models import Action, ActionRule
from solutions.propositions.models import Interaction, Proposition, Retraining, UserFeatures
from solutions.runs.models import TrainingRun
from tests import toys

CALLERS = ("anonymous", "predict key", "expired key", "other tenant", "viewer", "owner", "staff", "superuser")
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Caller:
    """Who asks: a browser's session, an API credential, both or neither."""

    client: Client
    headers: dict[str, str]


@dataclass(frozen=True)
class World:
    callers: dict[str, Caller]
    ids: dict[str, Any]
    tokens: dict[str, str]


def build(served_version: Callable[..., ModelVersion], ada: User) -> World:
    """Ada's model with two versions (the first is live), her key, a record of hers, and everybody's credentials."""
    group = Group.objects.get(name="Data scientist")
    people = {name: _person(name) for name in ("other tenant", "viewer", "staff")}
    for scientist in (ada, people["other tenant"]):
        scientist.groups.add(group)
    people["viewer"].groups.add(Group.objects.get(name="Viewer"))
    people["staff"].is_staff = True
    people["staff"].save()
    people["owner"] = ada
    people["superuser"] = User.objects.create_superuser("root@example.org", PASSWORD)
    first, second = served_version("theirs", 1.0), served_version("theirs", 2.0)
    for version in (first, second, first):
        live = registry_services.activate(version=version, by=ada, note="")
    key, text = services.create_key(by=ada, owner=ada, name="k", scopes=["predict"])
    expired, expired_text = services.create_key(by=ada, owner=ada, name="old", scopes=["predict", "read"])
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))
    record = PredictionLog.objects.create(
        model=first.model, version=first, user=ada, outcome=Outcome.OK, status_code=200, instance_count=1,
        latency_ms=1.0, created_at=timezone.now(),
    )  # fmt: skip
    feedback = Feedback.objects.create(prediction_id=record.pk, value=2.0, state="waiting", by=ada)
    rule = ActionRule.objects.create(version=second, label="urgent", action=Action.BATCH, below=Action.BATCH)
    training = TrainingRun.objects.create(solution="notifications", seed=1, by=ada)
    job = BatchJob.objects.create(
        version=second, by=ada, input_format="csv", input_bytes=1, results_format="csv", status="waiting"
    )
    event = audit.record("test.done", by=ada, target=key)
    now = timezone.now()
    error = ErrorGroup.objects.create(fingerprint="f", message="m", first_seen_at=now, last_seen_at=now)
    alert = Alert.objects.create(
        rule=AlertRule.objects.get(name="drift"), subject="theirs", model=first.model, state="firing"
    )
    told = AlertEvent.objects.create(kind="firing", rule_name="drift", severity="warning", model=first.model)
    channel = AlertChannel.objects.create(name="c", kind="email", address="a@example.org")
    callers = {
        "anonymous": Caller(Client(), {}),
        "predict key": Caller(Client(), {"X-API-Key": text}),
        "expired key": Caller(Client(), {"X-API-Key": expired_text}),
        **{name: _signed_in(person) for name, person in people.items()},
    }
    ids = {
        "ref": "theirs",
        "name": "theirs",
        "number": second.number,
        "app_label": "registry",
        "url": "nowhere",
        "seen": live.pk,
        "content_type_id": "1",
        "versions": second.pk,
        "models": first.model_id,
        "api-keys": key.pk,
        "batch-jobs": job.pk,
        "batch": job.pk,
        "predictions": record.pk,
        "modelversion": second.pk,
        "registeredmodel": first.model_id,
        "predictionlog": record.pk,
        "feedback": feedback.pk,
        "apikey": key.pk,
        "auditevent": event.pk,
        "actionrule": rule.pk,
        "training": training.pk,
        "errorgroup": error.pk,
        "alerts": alert.pk,
        "alert": alert.pk,
        "alertrule": alert.rule_id,
        "alertevent": told.pk,
        "alertchannel": channel.pk,
        "user": User.objects.create_user("spare@example.org", PASSWORD).pk,
        **_of_propositions(ada),
        "group": Group.objects.create(name="spare").pk,
    }
    refresh = tokens.issue(ada).refresh
    return World({name: callers[name] for name in CALLERS}, ids, {"refresh": refresh})


def _of_propositions(ada: User) -> dict[str, Any]:
    """A proposition, what somebody did with it, what is said of them, and a retraining that ended."""
    proposition = Proposition.objects.create(ref="theirs", title="Theirs", category="things")
    facts = {"user_id": "somebody", "proposition": proposition, "category": "things", "price": 0.0}
    interaction = Interaction.objects.create(event_type="click", at=timezone.now(), **facts)
    retraining = Retraining.objects.create(
        model_name="propositions", kind="xgboost", seed=1, data_until=timezone.now(), requested_by=ada,
        status="cancelled", ended_at=timezone.now(),
    )  # fmt: skip
    return {
        "proposition_id": "theirs",
        "user_id": "somebody",
        "proposition": proposition.pk,
        "interaction": interaction.pk,
        "userfeatures": UserFeatures.objects.create(user_id="somebody").pk,
        "retraining": retraining.pk,
    }


def _person(name: str) -> User:
    return User.objects.create_user(f"{name.replace(' ', '.')}@example.org", PASSWORD)


def _signed_in(person: User) -> Caller:
    client = Client()
    client.force_login(person)
    return Caller(client, {"Authorization": f"Bearer {tokens.issue(person).access}"})


def body_for(world: World, route: str, verb: str) -> dict[str, Any]:
    """Arguments of the test client: a body with which the call would work."""
    if verb not in ("POST", "PUT", "PATCH"):
        return {}
    if route.startswith("/admin/"):
        form = _FORMS.get(route.rstrip("/").rsplit("/", 1)[-1], {})
        return {"data": form | ({"seen": str(world.ids["seen"])} if "note" in form else {})}
    if route.endswith("/models/upload"):
        file = SimpleUploadedFile("m.onnx", io.BytesIO(toys.oracle(3.0)).read())
        return {"data": {"file": file, "name": "theirs"}} if verb == "POST" else {"data": b""}
    if route.endswith("/batch-jobs"):
        file = SimpleUploadedFile("rows.csv", b"x,y\n1,2\n")
        return {"data": {"file": file, "model": "theirs"}} if verb == "POST" else {"data": b""}
    ending = next((end for end in _BODIES if route.endswith(end)), "")
    return {"data": _BODIES.get(ending, {}) | _secrets(world, ending), "content_type": "application/json"}


def _secrets(world: World, ending: str) -> dict[str, Any]:
    return {"refresh": world.tokens["refresh"]} if ending in ("auth/refresh", "auth/logout") else {}


_FORMS: dict[str, dict[str, Any]] = {
    "delete": {"post": "yes"},
    "activate": {"note": ""},
    "rollback": {"note": ""},
    "export": {"format": "csv"},
    "watch": {"review_below": "0.5"},
    "feedback": {"value": "1.5"},
}
_BODIES: dict[str, dict[str, Any]] = {
    "/silence": {"minutes": 5},
    "/suggest": {"user_id": "somebody"},
    "/log_event": {"event_type": "click", "user_id": "somebody", "proposition_id": "theirs"},
    "/features": {"interests": ["changed"]},
    "/propositions": {"proposition_id": "new", "title": "New", "category": "things"},
    "/propositions/{proposition_id}": {"title": "changed"},
    "/suggest/activate": {"version": 1},
    "auth/register": {"email": "new@example.org", "password": "a long enough passphrase"},
    "auth/login": {"email": "ada@example.org", "password": PASSWORD},
    "auth/refresh": {},
    "auth/logout": {},
    "/api-keys": {"name": "n", "scopes": ["predict"]},
    "/predict/{ref}": {"instances": [[1.0, 2.0]]},
    "/predict/{ref}/batch": {"instances": [[1.0, 2.0]]},
    "/models/{ref}": {"description": "changed"},
    "/models/{ref}/versions/{number}": {"notes": "changed"},
    "/activate": {},
    "/rollback": {},
    "/predictions/{pk}/feedback": {"value": 1.0},
    "/watch": {"review_below": 0.5},
    "/api/v1/feedback": {"items": [{"subject_id": "somebody", "value": 1.0}]},
}

# -- What changes -------------------------------------------------------------------------------------

# The traces that asking itself leaves: when a key was last used, sessions, and the audit trail of refusals.
_TRACES = ("django_session", AuditEvent._meta.db_table, "accounts_audithead", "accounts_trailhead")


class Writes:
    """Counts the rows that statements change, but for traces."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        result = execute(sql, params, many, context)
        words = sql.lstrip().split(None, 3)
        # SQLite doesn't count what it inserts before the keys are fetched that it returns.
        returns = " RETURNING " in sql
        if words and words[0].upper() in ("INSERT", "UPDATE", "DELETE") and (returns or context["cursor"].rowcount > 0):
            table = (words[1] if words[0].upper() == "UPDATE" else words[2]).strip('"')
            is_note = table == "accounts_apikey" and 'SET "last_used_at"' in sql
            if table not in _TRACES and not is_note:
                self.statements.append(sql)
        return result


@contextmanager
def undone() -> Iterator[Writes]:
    """What happens inside is looked at and taken back."""
    writes = Writes()
    with transaction.atomic():
        with connection.execute_wrapper(writes):
            yield writes
        transaction.set_rollback(True)


def snapshot() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all our tables, but for traces."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            if table in _TRACES or table.startswith("sqlite_"):
                continue
            cursor.execute(f'SELECT * FROM "{table}"')
            found[table] = sorted(map(repr, cursor.fetchall()))
    return found
