"""The tables of those solutions that have some: one app, so that a solution is one line in the catalogue."""

from solutions.notifications.models import Action, ActionRule

__all__ = ["Action", "ActionRule"]
