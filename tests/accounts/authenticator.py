"""An authenticator app, as far as tests need one."""

import base64
import time

import pytest
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp import models
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor


class Clock:
    """The time of apps and devices: it moves when a code is looked at, never between that and its use."""

    def __init__(self) -> None:
        self.now = time.time() // 30 * 30

    def time(self) -> float:
        return self.now


clock = Clock()


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices read the clock that apps move."""
    monkeypatch.setattr(models, "time", clock)


class App:
    """Shows a new code each time it is looked at: half a minute has passed."""

    def __init__(self, secret: str | None = None) -> None:
        self.secret = secret or second_factor.new_secret()

    def code(self) -> str:
        clock.now += 30
        totp = TOTP(base64.b32decode(self.secret))
        totp.time = clock.now
        return f"{totp.token():06d}"


def patience() -> None:
    """As if so much time had passed since wrong codes that devices take codes again."""
    for device in (TOTPDevice, StaticDevice):
        device.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
