from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """What happened: prediction logs, rollups, dashboards."""

    name = "monitoring"
    verbose_name = "Monitoring"
