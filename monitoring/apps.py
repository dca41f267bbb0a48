from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """What happened: prediction logs, rollups, dashboards."""

    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from monitoring import erasure
        from monitoring.outcomes import erasing

        erasure.also("feedback", erasing.erase)
