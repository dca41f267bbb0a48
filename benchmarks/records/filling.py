"""Prediction records in the past, made by PostgreSQL itself: a month of traffic of twenty models, with its sums.

The sums are computed from the records, as far back as pages look at each resolution, so pages show
what they would show had the records come through the spool.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from monitoring import partitions
from monitoring.models import Resolution
from registry.models import ModelVersion, RegisteredModel

MODELS, VERSIONS, CLIENTS, DAYS = 20, 2, 10, 30
_TABLES = (
    {"table": "monitoring_rollup", "clients": "", "last_clients": ""},
    {
        "table": "monitoring_clientrollup",
        "clients": "user_id, api_key_id,",
        "last_clients": ", user_id, api_key_id",
    },
)
# No page looks further back at this resolution.
_SUMMED_DAYS = {Resolution.MINUTE: 1, Resolution.QUARTER: 3, Resolution.HOUR: 31, Resolution.DAY: 31}

_RECORDS = """
INSERT INTO monitoring_predictionlog (id, request_id, model_id, version_id, user_id, api_key_id, subject_id, outcome,
    status_code, error_code, instance_count, latency_ms, inference_ms, confidence, input, output, created_at)
SELECT gen_random_uuid(), 'bench-' || g, (%(models)s::bigint[])[m], (%(versions)s::bigint[])[2 * m - (a < 0.3)::int],
    (%(users)s::bigint[])[c], (%(keys)s::uuid[])[c], CASE WHEN b < 0.1 THEN 'subject-' || (c * 1000 + m) ELSE '' END,
    CASE WHEN d < 0.8 THEN 'ok' WHEN d < 0.98 THEN 'cached' WHEN d < 0.995 THEN 'invalid' WHEN d < 0.999 THEN 'error'
        ELSE 'timeout' END,
    CASE WHEN d < 0.98 THEN 200 WHEN d < 0.995 THEN 422 WHEN d < 0.999 THEN 500 ELSE 504 END,
    CASE WHEN d < 0.98 THEN '' WHEN d < 0.995 THEN 'wrong_type' WHEN d < 0.999 THEN 'model_execution_failed'
        ELSE 'deadline_exceeded' END,
    1, latency, latency * 0.4, 0.5 + a / 2,
    jsonb_build_object('instances', jsonb_build_array(jsonb_build_array(
        round(a::numeric, 4), round(b::numeric, 4), round(d::numeric, 4), g, m, c))),
    jsonb_build_object('predictions', jsonb_build_array('yes'), 'probabilities',
        jsonb_build_array(jsonb_build_array(a))),
    %(start)s::timestamptz + (g::float8 / %(count)s) * %(span)s::interval
FROM (SELECT g, 1 + floor(random() ^ 2 * %(model_count)s)::int AS m,
    1 + floor(random() ^ 2 * %(client_count)s)::int AS c,
    random() AS a, random() AS b, random() AS d, 0.2 * exp(2 * (random() + random() + random() - 1.5)) AS latency
    FROM generate_series(1, %(count)s) AS g OFFSET 0) AS drawn
"""

# A histogram as `monitoring.histogram` packs it, of rows that each have a bucket and how many are in it.
_PACKED = """translate(encode(decode(
    string_agg(lpad(to_hex(bucket::bigint << 40 | n::bigint), 12, '0'), '' ORDER BY bucket), 'hex'
), 'base64'), E'\\n', '')"""

_SUMS = f"""
INSERT INTO {{table}} (resolution, start, model_id, version_id, outcome, {{clients}} requests, instances,
    latency_sum_ms, latency_histogram)
SELECT %(seconds)s, start, model_id, version_id, outcome, {{clients}} sum(n), sum(rows), sum(latency), {_PACKED}
FROM (SELECT date_bin(make_interval(secs => %(seconds)s), created_at, '2000-01-01+00') AS start,
    model_id, version_id, outcome, {{clients}} count(*) AS n,
    greatest(0, ceil(8 * ln(latency_ms / 0.01) / ln(2)))::int AS bucket,
    sum(instance_count) AS rows, sum(latency_ms) AS latency
    FROM monitoring_predictionlog WHERE created_at >= %(since)s
    GROUP BY start, model_id, version_id, outcome, {{clients}} bucket) AS buckets
GROUP BY start, model_id, version_id, outcome {{last_clients}}
"""

_DAYS = f"""
INSERT INTO {{table}} (resolution, start, model_id, version_id, outcome, {{clients}} requests, instances,
    latency_sum_ms, latency_histogram)
WITH hours AS (
    SELECT date_bin(interval '1 day', start, '2000-01-01+00') AS day, decode(latency_histogram, 'base64') AS packed, *
    FROM {{table}} WHERE resolution = 3600),
sums AS (
    SELECT day, model_id, version_id, outcome, {{clients}} sum(requests) AS requests, sum(instances) AS instances,
        sum(latency_sum_ms) AS latency
    FROM hours GROUP BY day, model_id, version_id, outcome {{last_clients}}),
buckets AS (
    SELECT day, model_id, version_id, outcome, {{clients}} get_byte(packed, 6 * place) AS bucket,
        sum(('x' || encode(substr(packed, 6 * place + 2, 5), 'hex'))::bit(40)::bigint) AS n
    FROM hours, generate_series(0, length(packed) / 6 - 1) AS place
    GROUP BY day, model_id, version_id, outcome, {{clients}} bucket),
histograms AS (
    SELECT day, model_id, version_id, outcome, {{clients}} {_PACKED} AS histogram
    FROM buckets GROUP BY day, model_id, version_id, outcome {{last_clients}})
SELECT 86400, day, model_id, version_id, outcome, {{clients}} requests, instances, latency, histogram
FROM sums JOIN histograms USING (day, model_id, version_id, outcome {{last_clients}})
"""

_ANSWERS = """
INSERT INTO monitoring_answerrollup (resolution, start, model_id, version_id, confidences, labels, numbers, errors)
SELECT %(seconds)s, date_bin(make_interval(secs => %(seconds)s), created_at, '2000-01-01+00') AS start,
    model_id, version_id,
    jsonb_build_array(15, count(*)), jsonb_build_object('yes', count(*)), '[]', '{}'
FROM monitoring_predictionlog WHERE created_at >= %(since)s AND status_code = 200 GROUP BY start, model_id, version_id
"""


@dataclass(frozen=True, slots=True)
class World:
    """Whom and what the records are about."""

    users: list[int]
    keys: list[str]
    models: list[int]
    versions: list[int]


def world() -> World:
    """Twenty models of two versions, ten people with a key each."""
    users = [
        User.objects.get_or_create(email=f"bench-{number}@example.org", defaults={"username": f"bench-{number}"})[0]
        for number in range(CLIENTS)
    ]
    models, versions = [], []
    for at in range(MODELS):
        model, _ = RegisteredModel.objects.get_or_create(
            name=f"bench-{at}",
            defaults={"task": "classification", "owner": users[at % CLIENTS], "versions_count": VERSIONS},
        )
        models.append(model.pk)
        for number in range(1, VERSIONS + 1):
            version, _ = ModelVersion.objects.get_or_create(
                model=model, number=number,
                defaults={
                    "status": "ready", "created_by": users[0], "format": "onnx", "runtime": "onnx",
                    "artifact": f"bench/{at}/{number}", "sha256": "0" * 64, "size_bytes": 1,
                },
            )  # fmt: skip
            versions.append(version.pk)
    keys = [str(uuid.UUID(int=number + 1)) for number in range(CLIENTS)]
    return World([user.pk for user in users], keys, models, versions)


def fill(about: World, count: int) -> None:
    """`count` records, evenly over the last DAYS days up to now; whatever records and sums there were go."""
    _execute("SET work_mem = '256MB'; SET synchronous_commit = off")
    _execute("TRUNCATE monitoring_predictionlog, monitoring_rollup, monitoring_clientrollup, monitoring_answerrollup")
    now = timezone.now()
    for day, start, end in _days(now):
        share = round(count * (end - start) / timedelta(days=DAYS))
        _make_day(day)
        _execute(
            _RECORDS,
            {
                "users": about.users, "keys": about.keys, "models": about.models, "versions": about.versions,
                "model_count": MODELS, "client_count": CLIENTS, "count": share, "start": start, "span": end - start,
            },
        )  # fmt: skip
    for resolution, days in _SUMMED_DAYS.items():
        facts = {"seconds": int(resolution), "since": now - timedelta(days=days)}
        for names in _TABLES:
            if resolution == Resolution.DAY:
                _execute(_DAYS.format(**names))
            else:
                _execute(_SUMS.format(**names), facts)
        _execute(_ANSWERS, facts)
    _execute("ANALYZE")


def _days(now: datetime) -> list[tuple[date, datetime, datetime]]:
    """Each day (UTC) since DAYS days ago, and what of it lies in between."""
    first = now - timedelta(days=DAYS)
    found = []
    for back in range(DAYS, -1, -1):
        day = (now - timedelta(days=back)).date()
        start, end = partitions.start_of(day), partitions.start_of(day + timedelta(days=1))
        found.append((day, max(start, first), min(end, now)))
    return found


def _make_day(day: date) -> None:
    if day not in partitions.days():
        with transaction.atomic():
            partitions._make(day)


def _execute(sql: str, facts: dict[str, object] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
