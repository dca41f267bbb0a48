"""On PostgreSQL the prediction log becomes a table of daily partitions; elsewhere nothing changes.

The rows are copied, in one transaction: with ten million of them, count on some minutes without recording (predictions
go on; their records wait in the spool). Foreign keys of the log go: they cost as much as a third of loading, and every
drop of a partition would lock the tables they point to. The loader looks for the rows they would look for.
"""

from django.db import migrations, models

TABLE = "monitoring_predictionlog"
BEFORE = f"{TABLE}_before"
MOST_DAYS = 1000

INDEXES = (
    f"CREATE INDEX prediction_model_time ON {TABLE} (model_id, created_at)",
    f"CREATE INDEX prediction_user_time ON {TABLE} (user_id, created_at)",
    f"CREATE INDEX prediction_time ON {TABLE} (created_at)",
    f"CREATE INDEX prediction_time_range ON {TABLE} USING brin (created_at)",
)
PLAIN_INDEXES = INDEXES[:3]


def _set_aside(cursor):
    """Rename the table, and free the names of what goes with it."""
    cursor.execute(f"ALTER TABLE {TABLE} RENAME TO {BEFORE}")
    cursor.execute(f"ALTER INDEX {TABLE}_pkey RENAME TO {BEFORE}_pkey")
    for name in ("prediction_model_time", "prediction_user_time", "prediction_time", "prediction_time_range"):
        cursor.execute(f"DROP INDEX IF EXISTS {name}")


def partition(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        _set_aside(cursor)
        cursor.execute(
            f"CREATE TABLE {TABLE} (LIKE {BEFORE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
            " PARTITION BY RANGE (created_at)"
        )
        cursor.execute(f"CREATE TABLE {TABLE}_default PARTITION OF {TABLE} DEFAULT")
        cursor.execute(
            f"SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date AS day FROM {BEFORE}"
            " UNION SELECT (now() AT TIME ZONE 'UTC')::date + ahead FROM generate_series(0, 1) AS ahead"
            " ORDER BY day DESC"
        )
        known = [day for (day,) in cursor.fetchall()]
        cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date + 7")
        (last,) = cursor.fetchone()
        for day in [day for day in known if day <= last][:MOST_DAYS]:
            cursor.execute(
                f"CREATE TABLE {TABLE}_{day:%Y%m%d} PARTITION OF {TABLE} FOR VALUES"
                f" FROM ('{day:%Y-%m-%d} 00:00:00+00') TO (('{day:%Y-%m-%d} 00:00:00+00'::timestamptz + interval '24 hours'))"
            )
        cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM {BEFORE}")
        cursor.execute(f"DROP TABLE {BEFORE}")
        cursor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_pkey PRIMARY KEY (id, created_at)")
        for index in INDEXES:
            cursor.execute(index)


def unite(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        _set_aside(cursor)
        cursor.execute(f"CREATE TABLE {TABLE} (LIKE {BEFORE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM {BEFORE}")
        cursor.execute(f"DROP TABLE {BEFORE}")
        cursor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_pkey PRIMARY KEY (id)")
        for index in PLAIN_INDEXES:
            cursor.execute(index)
    log = apps.get_model("monitoring", "PredictionLog")
    for name in ("model", "version", "user"):
        field = log._meta.get_field(name)
        schema_editor.execute(schema_editor._create_fk_sql(log, field, "_fk_%(to_table)s_%(to_column)s"))


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_payload_permission")]

    operations = [
        migrations.RunPython(partition, unite),
        migrations.AddIndex(
            model_name="predictionlog",
            index=models.Index(fields=["version", "created_at"], name="prediction_version_time"),
        ),
    ]
