"""People and the API keys they own."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
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
    prefix = models.CharField(
        max_length=16, unique=True, help_text="The public part, by which the key is found."
    )
    secret_hash = models.CharField(
        max_length=64, editable=False, help_text="HMAC-SHA256 of the secret, in hex."
    )
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
        return f"{self.name} ({self.prefix}…)"
