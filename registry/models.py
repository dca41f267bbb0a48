"""Registered models, their versions, and the ledger of what was active when."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from registry import names, recording, seals, serving
from registry.leases import Leased
from registry.seals import StoredFile


class Task(models.TextChoices):
    """The ML task a model solves."""

    CLASSIFICATION = "classification", "Classification"
    REGRESSION = "regression", "Regression"


class Visibility(models.TextChoices):
    """Who besides the owner and staff may see and call a model."""

    PRIVATE = "private", "Private"
    INTERNAL = "internal", "Internal (every signed-in user)"


class RegisteredModelQuerySet(models.QuerySet["RegisteredModel"]):
    def visible_to(self, user: Any) -> "RegisteredModelQuerySet":
        """Models `user` may know of: their own and internal ones; staff see all."""
        if user.is_staff:
            return self
        return self.filter(Q(owner=user) | Q(visibility=Visibility.INTERNAL))

    def listed(self) -> "RegisteredModelQuerySet":
        """Models that are not archived."""
        return self.filter(archived_at=None)


class RegisteredModel(recording.RecordingSettings, serving.ServingSettings):
    """A named model. Its versions are numbered artifacts; the ledger says which one is live."""

    name = models.CharField(max_length=names.MAX_LENGTH, unique=True, validators=[names.validate_name])
    task = models.CharField(
        max_length=32, choices=Task.choices, blank=True, help_text="Found out at validation when left empty."
    )
    handler = models.CharField(
        max_length=32,
        blank=True,
        help_text="tabular, text or tensor; found out at validation when left empty.",
    )
    description = models.TextField(blank=True)
    tags = models.JSONField(default=list, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="models")
    visibility = models.CharField(max_length=16, choices=Visibility.choices, default=Visibility.PRIVATE)
    max_batch_rows = models.PositiveIntegerField(
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="The most rows one request may carry.",
    )
    versions_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="The last version number given out."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RegisteredModelQuerySet.as_manager()

    class Meta:
        verbose_name = "model"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(max_batch_rows__gte=1, max_batch_rows__lte=10_000),
                name="model_batch_rows_in_range",
            ),
            models.CheckConstraint(condition=~Q(name__regex=r"^[0-9]*$"), name="model_name_is_not_a_number"),
            *serving.CONSTRAINTS,
            *recording.CONSTRAINTS,
        ]
        permissions = [
            ("upload_model", "Can upload models"),
            ("upload_trusted_model", "Can mark versions as trusted (served natively)"),
            ("activate_model", "Can activate and roll back any model"),
        ]

    def __str__(self) -> str:
        return self.name

    def open_deployment(self) -> "Deployment | None":
        """The ledger's open row: what is live now."""
        return self.deployments.filter(closed_at=None).select_related("version").first()


class Status(models.TextChoices):
    """The life of a version. "Active" is not a status: the ledger says what is active."""

    PENDING = "pending", "Pending"
    VALIDATING = "validating", "Validating"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    DEPRECATED = "deprecated", "Deprecated"
    ARCHIVED = "archived", "Archived"


SERVABLE = (Status.READY, Status.DEPRECATED)


class Format(models.TextChoices):
    """What an artifact is, by its content."""

    ONNX = "onnx", "ONNX"
    SKLEARN = "sklearn", "scikit-learn (joblib or pickle)"
    SKOPS = "skops", "scikit-learn (skops)"
    XGBOOST = "xgboost", "XGBoost"
    LIGHTGBM = "lightgbm", "LightGBM"
    TORCHSCRIPT = "torchscript", "TorchScript"
    TORCH_EXPORT = "torch_export", "PyTorch program (.pt2)"


# Formats that hold numbers only: no name in them is ever looked up as code.
DATA_FORMATS = (Format.ONNX, Format.XGBOOST, Format.LIGHTGBM)
# What serves a version without running the uploaded file's own code; every other runtime needs a trusted version.
COMPILED_RUNTIMES = ("onnx", "linear_text")


class ModelVersion(Leased):
    """One numbered artifact of a model. What describes the artifact never changes after the upload."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    # The artifact, as uploaded.
    format = models.CharField(max_length=16, choices=Format.choices)
    artifact = models.CharField(max_length=300, help_text="Path below the model store.")
    original_name = models.CharField(max_length=255, blank=True)
    sha256 = models.CharField(max_length=64)
    artifact_seal = models.CharField(max_length=64, blank=True, help_text="Keyed signature over the digest's place.")
    size_bytes = models.PositiveBigIntegerField()
    sample = models.JSONField(null=True, blank=True, help_text="Rows the uploader gave to prove the model with.")
    expected = models.JSONField(null=True, blank=True, help_text="The predictions the uploader expects for the sample.")

    # What people say about it; may change.
    tags = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True)
    metrics = models.JSONField(
        default=list, blank=True, help_text="Evaluation metrics: a list of name, value and data set."
    )

    # Trust: an audited decision, never a consequence of who uploads.
    trusted = models.BooleanField(default=False)
    trusted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    trusted_at = models.DateTimeField(null=True, blank=True)

    # What validation found.
    progress = models.JSONField(default=dict, blank=True, help_text="The step validation is at.")
    failure = models.JSONField(null=True, blank=True, help_text="Why it failed: code, message, field.")
    runtime = models.CharField(max_length=16, blank=True)
    compiled = models.CharField(
        max_length=300, blank=True, help_text="Path of the compiled form, below the model store."
    )
    compiled_sha256 = models.CharField(max_length=64, blank=True)
    compiled_seal = models.CharField(max_length=64, blank=True)
    explainer = models.CharField(
        max_length=300, blank=True, help_text="Path of what explanations are made with, below the model store."
    )
    explainer_sha256 = models.CharField(max_length=64, blank=True)
    explainer_seal = models.CharField(max_length=64, blank=True)
    explanation = models.JSONField(
        default=dict, blank=True, help_text="How answers are explained: method, unit, baseline; or code and message."
    )
    signature = models.JSONField(null=True, blank=True)
    parity = models.JSONField(null=True, blank=True)
    golden = models.JSONField(null=True, blank=True, help_text="Inputs and the outputs that must come back.")
    report = models.JSONField(null=True, blank=True)
    library_versions = models.JSONField(default=dict, blank=True)
    load_ms = models.FloatField(null=True, blank=True)
    memory_bytes = models.BigIntegerField(null=True, blank=True)
    validated_at = models.DateTimeField(null=True, blank=True)

    # What the last look at the stored files found.
    checked_at = models.DateTimeField(default=timezone.now, help_text="When its files were written or last looked at.")
    damage = models.JSONField(
        null=True, blank=True, help_text="What is wrong with a stored file: code, message, form, since."
    )

    # Taken out of service by the platform, because it kept crashing or overrunning its deadline.
    quarantined_at = models.DateTimeField(null=True, blank=True)
    quarantine_reason = models.TextField(blank=True)

    class Meta:
        verbose_name = "version"
        ordering = ["model", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="version_number_unique_in_model"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number_from_one"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="version_status_known"),
            models.CheckConstraint(condition=~Q(status="ready") | ~Q(runtime=""), name="version_ready_has_runtime"),
            models.CheckConstraint(
                condition=~Q(status="failed") | Q(failure__isnull=False), name="version_failed_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(runtime__in=["", *COMPILED_RUNTIMES]) | Q(trusted=True), name="version_native_is_trusted"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "not_before"], name="version_status_due"),
            models.Index(fields=["checked_at"], name="version_checked"),
            models.Index(fields=["model"], condition=Q(damage__isnull=False), name="version_damaged"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name}:{self.number}"

    @property
    def served_file(self) -> StoredFile:
        """The file that is loaded to serve this version."""
        return self.stored_file(seals.COMPILED if self.compiled else seals.ORIGINAL)

    def stored_files(self) -> list[StoredFile]:
        """The original and, where there are such, the compiled form and the explainer."""
        return [self.stored_file(form) for form in seals.FORMS if self._recorded(form)[0]]

    def stored_file(self, form: str) -> StoredFile:
        """What is recorded of the `original`, the `compiled` or the `explainer` file."""
        return StoredFile(*self._recorded(form), self.model_id, self.number, form)

    def _recorded(self, form: str) -> tuple[str, str, str]:
        """(path, SHA-256, seal); the path is empty when there is no such file."""
        if form == seals.COMPILED:
            return self.compiled, self.compiled_sha256, self.compiled_seal
        if form == seals.EXPLAINER:
            return self.explainer, self.explainer_sha256, self.explainer_seal
        return self.artifact, self.sha256, self.artifact_seal


class DeploymentAction(models.TextChoices):
    ACTIVATE = "activate", "Activated"
    ROLLBACK = "rollback", "Rolled back"


class Deployment(models.Model):
    """One entry in the history of what was live. Appended, closed once, never edited."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="deployments")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    action = models.CharField(max_length=16, choices=DeploymentAction.choices)
    returns_to = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The entry a roll back restores.",
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)
    proof = models.JSONField(
        null=True,
        blank=True,
        help_text="What each serving process found when it took the version up: load time, largest golden difference.",
    )
    activated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-activated_at", "-id"]
        indexes = [models.Index(fields=["model", "-activated_at", "-id"], name="deployment_history")]
        constraints = [
            models.UniqueConstraint(
                fields=["model"], condition=Q(closed_at=None), name="deployment_one_open_per_model"
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(closed_at__gte=F("activated_at")),
                name="deployment_closes_after_it_opens",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.version} at {self.activated_at:%Y-%m-%d %H:%M:%S}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and set(kwargs.get("update_fields") or ()) != {"closed_at"}:
            raise ValidationError("The ledger is append-only.")
        super().save(*args, **kwargs)

    def previous_version_number(self) -> int | None:
        """The number of the version that was live until this entry."""
        earlier = Deployment.objects.filter(model=self.model_id, pk__lt=self.pk).order_by("-pk")
        return earlier.values_list("version__number", flat=True).first()

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError("The ledger is append-only.")


class EventKind(models.TextChoices):
    DEPRECATED = "deprecated", "Deprecated"
    ARCHIVED = "archived", "Archived"
    RESTORED = "restored", "Restored"
    TRUSTED = "trusted", "Marked as trusted"
    IMPORTED = "imported", "Imported"
    DAMAGED = "damaged", "Found damaged"
    REPAIRED = "repaired", "Found whole again"
    QUARANTINED = "quarantined", "Taken out of service by the platform"


class VersionEvent(models.Model):
    """What happened to a version besides going live, with the reason. Appended, never edited."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        help_text="Nobody, when the platform itself noticed it.",
    )
    note = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "event of a version"
        verbose_name_plural = "events of versions"
        ordering = ["-at", "-id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.version} {self.kind} at {self.at:%Y-%m-%d %H:%M:%S}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise ValidationError("Events are append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError("Events are append-only.")


class Generation(models.Model):
    """One row whose value changes whenever what is served changes; processes poll it."""

    value = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)
