"""Metrics become lists of name, value and data set; PostgreSQL gets indexes for the search by tag."""

from django.db import migrations

INDEXES = {
    "registry_registeredmodel": "registry_model_tags",
    "registry_modelversion": "registry_version_tags",
}


def to_lists(apps, schema_editor):
    for version in apps.get_model("registry", "ModelVersion").objects.only("pk", "metrics").iterator():
        if isinstance(version.metrics, dict):
            version.metrics = [
                {"name": name, "value": value, "dataset": ""} for name, value in sorted(version.metrics.items())
            ]
            version.save(update_fields=["metrics"])


def to_objects(apps, schema_editor):
    for version in apps.get_model("registry", "ModelVersion").objects.only("pk", "metrics").iterator():
        if isinstance(version.metrics, list):
            version.metrics = {metric["name"]: metric["value"] for metric in version.metrics}
            version.save(update_fields=["metrics"])


def add_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table, index in INDEXES.items():
            schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {table} USING gin (tags jsonb_path_ops)")


def drop_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for index in INDEXES.values():
            schema_editor.execute(f"DROP INDEX IF EXISTS {index}")


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_life")]

    operations = [
        migrations.RunPython(to_lists, to_objects),
        migrations.RunPython(add_indexes, drop_indexes),
    ]
