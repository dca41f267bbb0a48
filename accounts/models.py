"""People and the API keys they own."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class EmailUserManager(UserManager["User"]):
    """Creates users by e-mail address; the username defaults to it."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":  # type: ignore[override]
        extra.setdefault("username", email.strip().lower())
        return super().create_user(email=email, password=password, **extra)

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":  # type: ignore[override]
        extra.setdefault("username", email.strip().lower())
        return super().create_superuser(email=email, password=password, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person who signs in with an e-mail address (unique whatever its case)."""

    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = EmailUserManager()  # type: ignore[misc]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique_in_any_case")]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower()
        super().save(*args, **kwargs)


class Scope(models.TextChoices):
    """What an API key may do; never more than its owner may."""

    PREDICT = "predict", "Predict"
    READ = "read", "Read"
    UPLOAD = "upload", "Upload"
    ACTIVATE = "activate", "Activate"
    ADMIN = "admin", "Administer"


# How the public part of a key from the environment begins, and who such keys act for.
ENVIRONMENT = "env:"
SERVICE_ACCOUNT = "environment-keys@localhost.invalid"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self) -> "ApiKeyQuerySet":
        """Keys that are neither revoked nor expired."""
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.filter(unexpired, revoked_at=None)


class ApiKey(models.Model):
    """A client's credential. Only a keyed hash of the secret is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=60, unique=True, help_text="The public part, by which the key is found.")
    secret_hash = models.CharField(max_length=64, editable=False, help_text="HMAC-SHA256 of the secret, in hex.")
    scopes = models.JSONField(default=list)
    model_names = models.JSONField(
        default=list, blank=True, help_text="Names of the models it is limited to; empty means all."
    )
    rate_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests per window; empty means the default."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        permissions = [("manage_keys", "Can manage everybody's API keys")]

    def __str__(self) -> str:
        return self.name if self.is_from_environment else f"{self.name} ({self.prefix}…)"

    @property
    def is_from_environment(self) -> bool:
        """Whether the environment has this key, not the database."""
        return self.prefix.startswith(ENVIRONMENT)


class TokenFamily(models.Model):
    """One sign-in for tokens. `current` is a hash of the id of the only refresh token that is accepted next."""

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="token_families")
    current = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    rotated_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "sign-in by token"
        verbose_name_plural = "sign-ins by token"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id} since {self.created_at:%Y-%m-%d %H:%M}"


class SignInAttempts(models.Model):
    """Attempts to sign in as one account from one network; `counter` is a keyed hash of both."""

    counter = models.CharField(max_length=64, primary_key=True, editable=False)
    attempts = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    locks = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "sign-in attempts"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.attempts} since {self.since:%Y-%m-%d %H:%M:%S}"


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Reads, and appends one at a time. What changes rows in bulk is refused."""

    def update(self, **kwargs: Any) -> int:
        raise ValidationError(_APPEND_ONLY)

    def delete(self) -> Any:
        raise ValidationError(_APPEND_ONLY)

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise ValidationError(_APPEND_ONLY)

    def bulk_create(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError(_APPEND_ONLY)


_APPEND_ONLY = "The audit trail is append-only."


class AuditEvent(models.Model):
    """One entry of the audit trail; `accounts.audit.record` writes it. Names no row by key: it outlives them."""

    number = models.PositiveBigIntegerField(primary_key=True, editable=False)
    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=64, db_index=True)
    actor_id = models.BigIntegerField(null=True, db_index=True)
    actor = models.CharField(max_length=254, blank=True, help_text="The e-mail address, as it was then.")
    key = models.CharField(max_length=100, blank=True, help_text="The API key that asked, if one did.")
    target_type = models.CharField(max_length=100, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_name = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = "audit event"
        ordering = ["-number"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.number} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding or not kwargs.get("force_insert"):
            raise ValidationError(_APPEND_ONLY)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError(_APPEND_ONLY)


class AuditHead(models.Model):
    """One row: the number and hash of the last event. Who appends locks it."""

    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"


class IdempotentCall(models.Model):
    """A call that carried an Idempotency-Key, and its answer once there is one. Kept for a day."""

    scope = models.CharField(max_length=64, unique=True, help_text="SHA-256 of caller, method, path and key.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was sent.")
    token = models.UUIDField(help_text="Who works on it: what another one writes is dropped.")
    locked_until = models.DateTimeField(help_text="A call without an answer by then may be made again.")
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.scope[:12]} {self.status or 'in progress'}"
