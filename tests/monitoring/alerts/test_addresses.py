"""Webhooks lead outside, and nowhere else."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts import addresses
from monitoring.alerts.addresses import AddressRefused
from tests.standing_in import stand_in


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::",
        "fe80::1", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not addresses.is_allowed(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:220:1::1", "64:ff9b::808:808"])
def test_what_is_public_is_allowed_with_tls_only(address: str) -> None:
    assert addresses.is_allowed(address)
    assert not addresses.is_allowed(address, is_plain=True)


@given(st.ip_addresses(v=4))
def test_no_disguise_of_an_address_is_judged_otherwise(address: IPv4Address) -> None:
    assert addresses.is_allowed(f"::ffff:{address}") == addresses.is_allowed(str(address))


def test_networks_that_are_named_are_allowed(settings: Any) -> None:
    settings.ALERT_WEBHOOK_NETWORKS = ["10.0.0.0/8"]

    assert addresses.is_allowed("10.1.2.3", is_plain=True)
    assert not addresses.is_allowed("127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "ftp://example.org/", "file:///etc/passwd", "https://", "https://user:pw@example.org/",
        "https://example.org:0/", "https://example.org:99999/",
        "https://example.org/a b", "https://example.org/\r\nX: y",
        "https://example.org/#x", "http://example.org/", "https://[::1", "gopher://127.0.0.1:6379/_FLUSHALL",
        "https://169.254.169.254/latest", "https://10.0.0.1/", "https://[::1]/", "https://127.0.0.1:8000/",
    ],
)  # fmt: skip
def test_what_is_no_webhooks_url_is_refused_when_it_is_saved(url: str) -> None:
    with pytest.raises(ValidationError):
        addresses.check(kind="webhook", address=url)


def test_a_literal_address_is_judged_when_it_is_saved_by_the_networks_that_are_named(settings: Any) -> None:
    settings.ALERT_WEBHOOK_NETWORKS = ["10.0.0.0/8"]

    addresses.check(kind="webhook", address="http://10.1.2.3/alerts")
    with pytest.raises(ValidationError):
        addresses.check(kind="webhook", address="http://169.254.169.254/latest")


@pytest.mark.parametrize("text", ["", "nobody", "a@b.org, nobody", ",".join(["a@b.org"] * 21), "a@b.org\nBcc: c@d.org"])
def test_what_is_no_mail_address_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        addresses.check(kind="email", address=text)


def test_a_name_with_one_bad_address_among_good_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*args: Any, **kwargs: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, 443)) for address in ("8.8.8.8", "127.0.0.1")]

    stand_in(monkeypatch, addresses, "socket", getaddrinfo=found)
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
        addresses.resolve(addresses.parts("https://rebinding.example/"))


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "[::1]"])
def test_odd_ways_to_write_this_machine_lead_nowhere(host: str) -> None:
    with pytest.raises((AddressRefused, OSError)):
        addresses.resolve(addresses.parts(f"https://{host}/"))
