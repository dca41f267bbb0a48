"""Who asks: an account, one of its keys, or the account without a key. How they are named, chosen and found again."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Q

from accounts.models import ApiKey
from monitoring.sum_models import NO_KEY

_LARGEST_ID = 2**63 - 1


class UnknownClient(ValueError):
    """A text that names no client."""


@dataclass(frozen=True, slots=True)
class Client:
    """An account with one of its keys, or (`key_id` is NO_KEY) without. `is_whole`: with and without all of them."""

    user_id: int
    key_id: UUID = NO_KEY
    is_whole: bool = False

    @property
    def reference(self) -> str:
        """How addresses name it."""
        if self.key_id != NO_KEY:
            return f"key:{self.key_id}"
        return f"{'account' if self.is_whole else 'login'}:{self.user_id}"


def read(reference: str) -> Client:
    """The client that an address names: `key:UUID`, `account:ID` or `login:ID`. Raises UnknownClient."""
    kind, _, text = reference.partition(":")
    if kind == "key":
        try:
            return Client(0, UUID(text))
        except ValueError as error:
            raise UnknownClient("A key is named key: and its id.") from error
    if kind not in ("account", "login") or not (text.isascii() and text.isdigit()) or int(text) > _LARGEST_ID:
        raise UnknownClient("A client is named key:, account: or login:, and an id.")
    return Client(int(text), is_whole=kind == "account")


def in_sums(client: Client) -> Q:
    """The rows of `ClientRollup` and `LimitHits` that are the client's."""
    if client.key_id != NO_KEY:
        return Q(api_key_id=client.key_id)
    return Q(user_id=client.user_id) if client.is_whole else Q(user_id=client.user_id, api_key_id=NO_KEY)


def in_records(client: Client) -> Q:
    """The prediction records that are the client's."""
    if client.key_id != NO_KEY:
        return Q(api_key_id=client.key_id)
    return Q(user_id=client.user_id) if client.is_whole else Q(user_id=client.user_id, api_key_id=None)


@dataclass(frozen=True, slots=True)
class Named:
    """A client with what people call it; `limit` is its key's own."""

    client: Client
    account: str
    key: str
    limit: int | None = None
    is_gone: bool = False

    @property
    def label(self) -> str:
        """In one line."""
        if self.client.is_whole:
            return f"{self.account}, all together"
        return f"{self.account} · {self.key}" if self.key else f"{self.account} · signed in"


def named(clients: Iterable[Client]) -> dict[Client, Named]:
    """What people call them. Two queries, whatever there is."""
    wanted = list(clients)
    keys = _keys({client.key_id for client in wanted} - {NO_KEY})
    owners = {client.user_id or keys[client.key_id].owner_id for client in wanted if _has_account(client, keys)}
    emails = dict(get_user_model().objects.filter(pk__in=owners - {0}).values_list("pk", "email"))
    return {client: _named(client, keys.get(client.key_id), emails) for client in wanted}


def _keys(ids: Collection[UUID]) -> dict[UUID, ApiKey]:
    return ApiKey.objects.in_bulk(list(ids)) if ids else {}


def _has_account(client: Client, keys: dict[UUID, ApiKey]) -> bool:
    return bool(client.user_id) or client.key_id in keys


def _named(client: Client, key: ApiKey | None, emails: dict[int, str]) -> Named:
    user_id = client.user_id or (key.owner_id if key else 0)
    if not user_id:
        account = "Without a good credential" if client.key_id == NO_KEY else "An account that is gone"
        return Named(client, account, "" if client.key_id == NO_KEY else str(client.key_id), is_gone=True)
    account = emails.get(user_id, f"Account {user_id}, which is gone")
    if client.key_id == NO_KEY:
        return Named(client, account, "", is_gone=user_id not in emails)
    if key is None:
        return Named(client, account, f"key {str(client.key_id)[:8]}…, which is gone", is_gone=True)
    return Named(client, account, key.name, key.rate_limit, is_gone=key.revoked_at is not None)
