"""Where a request comes from, as far as it can be trusted."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

UNKNOWN = "unknown"
_NETWORK_BITS = 64


def client_address(meta: Mapping[str, Any]) -> str:
    """The client's address: the right-most hop that is not one of TRUSTED_PROXIES proxies of ours.

    `meta` is a WSGI environ or `request.META`. Without proxies, headers that name an address are ignored.
    """
    peer = str(meta.get("REMOTE_ADDR") or "")
    if settings.TRUSTED_PROXIES < 1:
        return _canonical(peer) or UNKNOWN
    forwarded = str(meta.get("HTTP_X_FORWARDED_FOR") or "")
    hops = [hop.strip() for hop in forwarded.split(",")] if forwarded else []
    hops.append(peer)
    named = hops[-(settings.TRUSTED_PROXIES + 1)] if len(hops) > settings.TRUSTED_PROXIES else hops[0]
    return _canonical(named) or _canonical(peer) or UNKNOWN


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, the /64 of an IPv6 one."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        prefix = int(parsed) >> _NETWORK_BITS << _NETWORK_BITS
        return f"{IPv6Address(prefix)}/{_NETWORK_BITS}"
    return str(parsed) if parsed else UNKNOWN


@lru_cache(maxsize=4096)
def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in one of the networks (`10.0.0.0/8`, `::1`). Raises ValueError for what is none."""
    parsed = _parse(address)
    return parsed is not None and any(parsed in ip_network(network) for network in networks)


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    parsed = _parse(text)
    return str(parsed) if parsed else ""


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address with or without brackets, port or zone; an IPv4 address in IPv6 form is the IPv4 one."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed
