"""An authenticator app, as far as tests need one."""

import base64
import time

from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor


class App:
    """Shows a new code each time it is looked at, as if half a minute had passed."""

    def __init__(self, secret: str | None = None) -> None:
        self.secret = secret or second_factor.new_secret()
        self._looks = 0

    def code(self) -> str:
        totp = TOTP(base64.b32decode(self.secret))
        totp.time = time.time() + 30 * self._looks
        self._looks += 1
        return f"{totp.token():06d}"


def patience() -> None:
    """As if so much time had passed since wrong codes that devices take codes again."""
    for device in (TOTPDevice, StaticDevice):
        device.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
