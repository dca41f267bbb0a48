"""Who asks, and what they may do: the result of looking at a credential."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from accounts.errors import Forbidden, ScopeMissing
from accounts.models import Scope, User

ALL_SCOPES = frozenset(str(scope) for scope in Scope.values)

# The right (a permission's full name) that an owner needs for a scope to be worth anything. Scopes without a
# line are bounded by the calls behind them, which ask for the owner's rights on each object.
RIGHT_BEHIND: dict[str, str] = {str(Scope.UPLOAD): "registry.upload_model"}


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Shared between requests and threads: never change it.

    `scopes` are those the credential carries and its owner's rights cover; `withheld` are those it carries
    and they don't. A person who signed in has no `key_id` and every scope they have a right to.
    `model_names` limits the models that may be used; None means no limit.
    """

    user: User
    key_id: UUID | None = None
    scopes: frozenset[str] = ALL_SCOPES
    model_names: frozenset[str] | None = None
    rate_limit: int | None = None
    withheld: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    user_id: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "user_id", self.user.pk)

    def may(self, scope: str) -> bool:
        """Whether this credential may do what `scope` stands for."""
        return scope in self.scopes

    def may_use_model(self, name: str) -> bool:
        """Whether this credential may be used for the model of that name."""
        return self.model_names is None or name in self.model_names

    def require(self, scope: str) -> None:
        """Raise ScopeMissing when the credential lacks `scope`, Forbidden when its owner's rights do."""
        if scope in self.scopes:
            return
        if scope in self.withheld:
            raise Forbidden(f"This account has no right to {scope}.", details={"right": RIGHT_BEHIND[scope]})
        raise ScopeMissing(f"This needs a credential with the scope {scope}.", details={"scope": scope})


def rights_of(user: User) -> frozenset[str]:
    """The scopes that this user's rights cover."""
    return ALL_SCOPES - _beyond_rights(user, ALL_SCOPES)


def principal_for(
    user: User,
    *,
    key_id: UUID | None = None,
    scopes: Iterable[str] = ALL_SCOPES,
    model_names: Iterable[str] = (),
    rate_limit: int | None = None,
    expires_at: datetime | None = None,
) -> Principal:
    """The principal for a credential that carries `scopes`, cut down to what its owner may do now."""
    carried = ALL_SCOPES.intersection(scopes)
    withheld = _beyond_rights(user, carried)
    return Principal(
        user=user,
        key_id=key_id,
        scopes=carried - withheld,
        model_names=frozenset(model_names) or None,
        rate_limit=rate_limit,
        withheld=withheld,
        expires_at=expires_at,
    )


def _beyond_rights(user: User, scopes: frozenset[str]) -> frozenset[str]:
    """Those of `scopes` that this user has no right to. Looks up no right that no scope asks for."""
    asked = scopes.intersection(RIGHT_BEHIND)
    return frozenset(scope for scope in asked if not user.has_perm(RIGHT_BEHIND[scope]))
