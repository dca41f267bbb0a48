from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who: people, API keys, scopes."""

    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        # Registers the credentials' description with the schema generator.
        import_module("accounts.schema")
        # Registers the system checks.
        import_module("accounts.checks")
