"""The solutions' tables in the admin."""

from solutions.notifications import admin as notifications_admin
from solutions.propositions import admin as propositions_admin

__all__ = ["notifications_admin", "propositions_admin"]
