"""What can go wrong between a caller and the platform's doors. These errors know no HTTP."""

from typing import Any


class AccountsError(Exception):
    """The base: a stable `code`, a `message` for people, `details` for programs."""

    code = "accounts_error"

    def __init__(self, message: str, *, code: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.message = message
        self.details = details or {}


class CredentialInvalid(AccountsError):
    """A credential was given and can't be accepted, whatever the reason."""

    code = "authentication_failed"


class AmbiguousCredentials(AccountsError):
    """One request carries credentials of different people."""

    code = "ambiguous_credentials"


class ScopeMissing(AccountsError):
    """The credential lacks the scope that the call needs."""

    code = "scope_missing"


class Forbidden(AccountsError):
    """The account lacks the right that the call needs."""

    code = "forbidden"


class RegistrationClosed(AccountsError):
    """People can't make accounts for themselves on this platform."""

    code = "registration_closed"


class RegistrationInvalid(AccountsError):
    """An account can't be made as it was asked for; `details` names the fields."""

    code = "validation_failed"


class KeyRequestInvalid(AccountsError):
    """An API key can't be made as it was asked for; `details` names the field."""

    code = "validation_failed"


class KeyFromEnvironment(AccountsError):
    """The key is in the environment of the platform's processes and ends there."""

    code = "key_from_environment"


class UnknownField(AccountsError):
    """A body carries fields that the call does not know."""

    code = "unknown_field"


class BodyMalformed(AccountsError):
    """A body is not JSON as the platform reads it: syntax, depth, duplicate keys, not an object."""

    code = "json"


class BodyValueInvalid(AccountsError):
    """A body is JSON but holds a value nothing can work with; `details["path"]` names the cell."""

    code = "text"


class BodyTooLarge(AccountsError):
    """A body is larger than the limit, which `details["limit_bytes"]` states."""

    code = "body_too_large"


class RateLimited(AccountsError):
    """The caller asked for more than its limit; `details["retry_after_seconds"]` says when to come again."""

    code = "rate_limited"


class SignInLocked(AccountsError):
    """Too many wrong passwords for one account from one network; `details["retry_after_seconds"]` says how long.

    `starts` tells whether the attempt that got this began the lock.
    """

    code = "sign_in_locked"

    def __init__(self, message: str, *, details: dict[str, Any], starts: bool) -> None:
        super().__init__(message, details=details)
        self.starts = starts


class SecondFactorInvalid(AccountsError):
    """A code of the second factor is wrong or was used before."""

    code = "second_factor_invalid"


class SecondFactorMissing(AccountsError):
    """The account has no second factor, or the platform was installed without what it takes."""

    code = "second_factor_missing"


class LengthRequired(AccountsError):
    """A body was sent without saying how long it is."""

    code = "length_required"


class IdempotencyKeyInvalid(AccountsError):
    """An Idempotency-Key is empty, too long, or holds more than visible ASCII."""

    code = "invalid_idempotency_key"


class IdempotencyKeyReused(AccountsError):
    """The same Idempotency-Key came with another request before."""

    code = "idempotency_key_reused"


class IdempotencyInProgress(AccountsError):
    """The first call with this Idempotency-Key has no answer yet; `details["retry_after_seconds"]` says when to ask."""

    code = "idempotency_in_progress"
