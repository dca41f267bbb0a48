from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """What happened: prediction logs, rollups, dashboards."""

    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from monitoring import erasure, panels
        from monitoring.alerts import panel as alerts
        from monitoring.outcomes import erasing
        from monitoring.pages import feedback, outcome_panels

        erasure.also("feedback", erasing.erase)
        panel = panels.Panel
        alerts_template = "monitoring/_alerts.html"
        panels.register("overview", panel("Alerts", alerts_template, alerts.overview, 5, is_wide=True))
        panels.register("model", panel("Alerts", alerts_template, alerts.of_model, 5, is_wide=True))
        panels.register("model", panel("Quality", "monitoring/_quality_panel.html", outcome_panels.quality_panel, 40))
        panels.register("model", panel("Drift", "monitoring/_drift_panel.html", outcome_panels.drift_panel, 41))
        panels.register("prediction", panel("Feedback", "monitoring/_feedback_panel.html", feedback.panel, 50))
