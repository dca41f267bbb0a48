"""How each class is shown: the action map, data on the version."""

from django.db import models
from django.db.models import Q

from registry.models import ModelVersion


class Action(models.TextChoices):
    """What a device does with a notification; the words are those of the API."""

    SHOW_IMMEDIATELY = "show_immediately", "Show immediately"
    SHOW_WITH_SOUND = "show_with_sound", "Show with sound"
    BATCH = "batch", "Batch"
    SILENT = "silent", "Silent"


class ActionRule(models.Model):
    """One class of one version: `action` when its confidence reaches `threshold`, else `below`."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="action_rules")
    label = models.CharField("class", max_length=100)
    action = models.CharField(max_length=20, choices=Action.choices)
    threshold = models.FloatField(default=0.5, help_text="The confidence from which on it is taken, 0 to 1.")
    below = models.CharField("below that", max_length=20, choices=Action.choices)

    class Meta:
        verbose_name = "notification action"
        ordering = ["-version__number", "label"]
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(fields=["version", "label"], name="action_rule_one_per_class"),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1), name="action_rule_threshold_is_share"
            ),
            models.CheckConstraint(
                condition=Q(action__in=Action.values, below__in=Action.values), name="action_rule_actions_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.version}"
