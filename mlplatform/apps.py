from importlib import import_module

from django.apps import AppConfig

from mlplatform import sentry


class PlatformConfig(AppConfig):
    """The project package: it composes the apps and is imported by none."""

    name = "mlplatform"
    verbose_name = "Platform"

    def ready(self) -> None:
        # Registers the system checks.
        import_module("mlplatform.checks")
        import_module("mlplatform.hardening_checks")
        import_module("mlplatform.storage_checks")
        sentry.start()
