"""Latency histograms become text that a database adds up by joining it (see `monitoring.histogram`); all counts stay.

On PostgreSQL one rewrite of each of the two tables, about a minute for a few million rows of sums.
"""

import json
from binascii import a2b_base64, b2a_base64
from struct import iter_unpack

from django.db import migrations, models

COLUMN = "latency_histogram"

_PACKED = """
CREATE OR REPLACE FUNCTION pg_temp.packed_histogram(told jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(translate(encode(decode(string_agg(
        lpad(to_hex(((told ->> 0)::bigint + place - 2) << 40 | counted::bigint), 12, '0'), '' ORDER BY place
    ), 'hex'), 'base64'), E'\\n', ''), '')
    FROM jsonb_array_elements_text(told) WITH ORDINALITY AS entry(counted, place)
    WHERE place > 1 AND counted <> '0'
$$
"""
_UNPACKED = """
CREATE OR REPLACE FUNCTION pg_temp.unpacked_histogram(packed text) RETURNS jsonb LANGUAGE sql AS $$
    WITH bytes AS (SELECT encode(decode(packed, 'base64'), 'hex') AS digits),
    entries AS (
        SELECT ('x' || lpad(substr(digits, 12 * at + 1, 2), 16, '0'))::bit(64)::bigint AS bucket,
            ('x' || lpad(substr(digits, 12 * at + 3, 10), 16, '0'))::bit(64)::bigint AS counted
        FROM bytes, generate_series(0, length(digits) / 12 - 1) AS at),
    bounds AS (SELECT min(bucket) AS low, max(bucket) AS high FROM entries)
    SELECT coalesce((
        SELECT jsonb_build_array(low) || jsonb_agg(coalesce(counted, 0) ORDER BY place)
        FROM bounds, generate_series(low, high) AS place LEFT JOIN entries ON bucket = place GROUP BY low), '[]')
$$
"""


def packed(text):
    first, *counts = json.loads(text) or [0]
    entries = [(bucket << 40 | count).to_bytes(6, "big") for bucket, count in enumerate(counts, first) if count]
    return b2a_base64(b"".join(entries), newline=False).decode()


def unpacked(text):
    counts = {bucket: (high << 32) + low for bucket, high, low in iter_unpack(">BBI", a2b_base64(text))}
    if not counts:
        return "[]"
    return json.dumps([min(counts), *(counts.get(bucket, 0) for bucket in range(min(counts), max(counts) + 1))])


def leave_room(apps, schema_editor):
    """Half of each page of sums: a row that changes stays in its page then, and the indexes need not change."""
    if schema_editor.connection.vendor == "postgresql":
        for table in ("rollup", "clientrollup", "answerrollup"):
            schema_editor.execute(f"ALTER TABLE monitoring_{table} SET (fillfactor = 50)")


class ChangeHistogram(migrations.AlterField):
    """Changes the column's type, and what its rows say."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if not self._convert(schema_editor, _PACKED, "text", "packed_histogram"):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            self._rewrite(schema_editor, packed)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if not self._convert(schema_editor, _UNPACKED, "jsonb", "unpacked_histogram"):
            self._rewrite(schema_editor, unpacked)
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    @property
    def _table(self):
        return f"monitoring_{self.model_name}"

    def _convert(self, schema_editor, function, kind, name):
        if schema_editor.connection.vendor != "postgresql":
            return False
        schema_editor.execute(function, None)
        schema_editor.execute(
            f"ALTER TABLE {self._table} ALTER COLUMN {COLUMN} TYPE {kind} USING pg_temp.{name}({COLUMN})", None
        )
        return True

    def _rewrite(self, schema_editor, change):
        connection = schema_editor.connection
        connection.ensure_connection()
        connection.connection.create_function("changed_histogram", 1, change, deterministic=True)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {self._table} SET {COLUMN} = changed_histogram({COLUMN})")


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0015_unusual_outcomes")]
    operations = [
        migrations.RunPython(leave_room, migrations.RunPython.noop),
        *(ChangeHistogram(name, COLUMN, models.TextField(blank=True, default="")) for name in ("rollup", "clientrollup")),
    ]
