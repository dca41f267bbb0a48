"""Whom a request is counted against when nobody says who they are."""

from typing import Any

import pytest

from accounts.addresses import client_address, network_of


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "expected"),
    [
        (0, "203.0.113.7", None, "203.0.113.7"),
        (0, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (1, "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (1, "10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (2, "10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (2, "10.0.0.1", "10.0.0.2", "10.0.0.2"),
        (1, "203.0.113.7", None, "203.0.113.7"),
        (1, "10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
        (1, "10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        (1, "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "::1", "::ffff:198.51.100.1", "198.51.100.1"),
        (1, "10.0.0.1", ",", "10.0.0.1"),
        (0, "", None, "unknown"),
    ],
)
def test_the_address_is_the_rightmost_hop_that_is_not_ours(
    proxies: int, peer: str, forwarded: str | None, expected: str, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = proxies
    meta = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded is not None else {})

    assert client_address(meta) == expected


def test_other_headers_that_name_an_address_are_never_read(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    meta = {
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_FORWARDED": "for=6.6.6.6",
        "HTTP_X_REAL_IP": "6.6.6.6",
        "HTTP_TRUE_CLIENT_IP": "6.6.6.6",
    }

    assert client_address(meta) == "10.0.0.1"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.1", "198.51.100.1", True),
        ("::ffff:c633:6401", "198.51.100.1", True),
        ("198.51.100.1", "198.51.100.2", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_an_ipv6_network_counts_as_one_client(one: str, other: str, is_same: bool) -> None:
    assert (network_of(one) == network_of(other)) is is_same
