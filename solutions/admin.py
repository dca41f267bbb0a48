"""The solutions' tables in the admin."""

from solutions.notifications import admin as notifications_admin

__all__ = ["notifications_admin"]
