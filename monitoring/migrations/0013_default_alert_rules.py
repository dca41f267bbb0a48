"""The rules that come with the platform. An administrator may change them; no later migrate puts them back."""

from django.db import migrations

RULES = {
    # name: (kind, severity, threshold, window_seconds, for_seconds, minimum)
    "prediction-errors": ("errors", "critical", 0.05, 300, 120, 20),
    "latency-burns-fast": ("latency", "critical", 14.4, 3600, 120, 50),
    "latency-burns-slowly": ("latency", "warning", 6.0, 21600, 900, 200),
    "no-traffic": ("no_traffic", "warning", 0.0, 1800, 300, 500),
    "drift": ("drift", "warning", 0.0, 172800, 0, 0),
    "queue": ("queue", "warning", 16.0, 60, 60, 0),
    "records-late": ("records_late", "warning", 60.0, 60, 120, 0),
    "records-dropped": ("records_dropped", "critical", 0.0, 600, 0, 0),
    "breaker-open": ("breaker", "warning", 0.0, 60, 60, 0),
    "damaged-files": ("damaged", "critical", 0.0, 60, 0, 0),
    "model-not-loaded": ("not_loaded", "critical", 0.0, 60, 60, 0),
    "processes": ("processes", "critical", 0.0, 60, 60, 0),
    "validation-waits": ("validation", "warning", 0.0, 900, 0, 0),
}


def create(apps, schema_editor):
    AlertRule = apps.get_model("monitoring", "AlertRule")
    for name, (kind, severity, threshold, window, for_seconds, minimum) in RULES.items():
        AlertRule.objects.get_or_create(
            name=name,
            defaults={
                "kind": kind, "severity": severity, "threshold": threshold, "window_seconds": window,
                "for_seconds": for_seconds, "minimum": minimum,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0012_alerts")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
