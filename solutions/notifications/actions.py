"""From a class and its confidence to what is done: the rules of a version, remembered until they change."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from registry import generation
from registry.models import ModelVersion
from registry.services import may_change
from solutions.errors import NotAllowed, ValueInvalid
from solutions.notifications.models import Action, ActionRule


@dataclass(frozen=True, slots=True)
class Rule:
    """`action` from `threshold` on, `below` under it."""

    action: str
    threshold: float
    below: str

    def decide(self, confidence: float | None) -> tuple[str, bool]:
        """The action, and whether the threshold was reached. A model without confidences never reaches it."""
        is_sure = confidence is not None and confidence >= self.threshold
        return (self.action if is_sure else self.below), is_sure


DEFAULTS = {
    "urgent": Rule(Action.SHOW_IMMEDIATELY, 0.5, Action.SHOW_WITH_SOUND),
    "security": Rule(Action.SHOW_IMMEDIATELY, 0.6, Action.SHOW_WITH_SOUND),
    "message": Rule(Action.SHOW_WITH_SOUND, 0.5, Action.BATCH),
    "reminder": Rule(Action.SHOW_WITH_SOUND, 0.5, Action.BATCH),
    "transaction": Rule(Action.BATCH, 0.5, Action.BATCH),
    "social": Rule(Action.BATCH, 0.5, Action.BATCH),
    "promotion": Rule(Action.SILENT, 0.7, Action.BATCH),
    "update": Rule(Action.SILENT, 0.7, Action.BATCH),
}
UNKNOWN_CLASS = Rule(Action.BATCH, 0.0, Action.BATCH)
"""For a class that neither the version's rules nor the defaults know."""


_remembered: tuple[Any, dict[int, dict[str, Rule]]] = (None, {})


def rules_of(version_id: int) -> dict[str, Rule]:
    """A version's rules by class. Every process follows a change as it follows an activation, within a second."""
    global _remembered
    present = generation.on_this_host()
    if _remembered[0] != present:
        _remembered = (present, {})
    known = _remembered[1]
    if version_id not in known:
        rows = ActionRule.objects.filter(version=version_id)
        known[version_id] = DEFAULTS | {row.label: Rule(row.action, row.threshold, row.below) for row in rows}
    return known[version_id]


def rule_for(version_id: int, label: str) -> Rule:
    """The rule for one class."""
    return rules_of(version_id).get(label, UNKNOWN_CLASS)


def adopt(*, version: ModelVersion, labels: list[str]) -> None:
    """Give a new version rules for its classes: those that people gave the version before it, else the defaults."""
    before = ActionRule.objects.filter(version__model=version.model_id, version__number__lt=version.number)
    known = DEFAULTS | {
        row.label: Rule(row.action, row.threshold, row.below) for row in before.order_by("version__number")
    }
    rules = {label: known.get(label, UNKNOWN_CLASS) for label in labels}
    ActionRule.objects.bulk_create(
        [
            ActionRule(version=version, label=label, action=rule.action, threshold=rule.threshold, below=rule.below)
            for label, rule in rules.items()
        ],
        ignore_conflicts=True,
    )


def change(*, rule: ActionRule, by: User, action: str, threshold: float, below: str) -> ActionRule:
    """Change what is done with a class of a version. Raises NotAllowed, ValueInvalid."""
    if not may_change(by, rule.version.model):
        raise NotAllowed("This model belongs to somebody else.")
    if action not in Action.values or below not in Action.values:
        raise ValueInvalid(f"Use one of: {', '.join(Action.values)}.", field="action")
    if not 0.0 <= threshold <= 1.0:
        raise ValueInvalid("A threshold is a share from 0 to 1.", field="threshold")
    changes = {"action": action, "threshold": threshold, "below": below}
    with transaction.atomic():
        row = ActionRule.objects.select_for_update().select_related("version__model").get(pk=rule.pk)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=list(changes))
        generation.bump()
        audit.record("notifications.action_changed", by=by, target=row.version, details={"label": row.label, **changes})
    return row
