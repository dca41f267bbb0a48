"""Where alerts may be sent: no channel can be made to reach into the platform's own network.

A webhook's host is looked up once for each call, every address it has is judged, and the call goes to the very address
that was judged. Redirects are not followed.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.addresses import is_within

MOST_MAIL_ADDRESSES = 20
_NAT64 = "64:ff9b::/96"


class AddressRefused(Exception):
    """A webhook would lead where it must not."""


def check(*, kind: str, address: str) -> None:
    """Raise ValidationError for what can't be an address of this kind. A webhook's host is judged at each call; one
    written as an address now, too."""
    if kind == "email":
        found = mail_addresses(address)
        if not found or len(found) > MOST_MAIL_ADDRESSES:
            raise ValidationError({"address": f"Give 1 to {MOST_MAIL_ADDRESSES} e-mail addresses."})
        for one in found:
            try:
                validate_email(one)
            except ValidationError as error:
                raise ValidationError({"address": f"{one[:100]!r} is no e-mail address."}) from error
        return
    try:
        url = parts(address)
        if _is_address(url.hostname or ""):
            resolve(url)
    except (AddressRefused, OSError) as error:
        raise ValidationError({"address": str(error)}) from error


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def mail_addresses(address: str) -> list[str]:
    """The e-mail addresses of a channel."""
    return [one.strip() for one in address.split(",") if one.strip()]


def parts(url: str) -> SplitResult:
    """The URL's parts. Raises AddressRefused for one that no webhook may have."""
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError as error:
        raise AddressRefused("This is no URL.") from error
    if found.scheme not in ("https", "http") or not found.hostname:
        raise AddressRefused("Give an https URL.")
    if found.username or found.password or found.fragment or port == 0 or not url.isprintable() or " " in url:
        raise AddressRefused("A webhook's URL holds no credentials, fragment or spaces.")
    if found.scheme == "http" and not settings.ALERT_WEBHOOK_NETWORKS:
        raise AddressRefused("Give an https URL; http is for networks named in ALERT_WEBHOOK_NETWORKS.")
    return found


def resolve(url: SplitResult) -> tuple[str, int]:
    """(address, port) to connect to. Raises AddressRefused, or OSError when the name is not known.

    Every address of the name must be allowed: one bad among them tells of a name that changes its meaning.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    found = {str(info[4][0]) for info in socket.getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)}
    for address in sorted(found):
        if not is_allowed(address, is_plain=url.scheme == "http"):
            raise AddressRefused(f"{url.hostname} leads to {address}, which is not public: see ALERT_WEBHOOK_NETWORKS.")
    return min(found), port


def is_allowed(address: str, *, is_plain: bool = False) -> bool:
    """Public addresses, and those of networks that the settings name; without TLS only the latter."""
    if is_within(address, tuple(settings.ALERT_WEBHOOK_NETWORKS)):
        return True
    return not is_plain and _is_public(ip_address(address.partition("%")[0]))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is not None:
            return _is_public(inner)
        if is_within(str(address), (_NAT64,)):
            return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
