from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """What: models, versions, artifacts, and the history of what was active."""

    name = "registry"
    verbose_name = "Registry"

    def ready(self) -> None:
        from registry import lookups  # noqa: F401  (registers the look-up `has_item`)
