"""Another process that uses a key: says `yes` once it works, and how long it took until it no longer did."""

import sys
import time

import django

django.setup()

from accounts import credentials  # noqa: E402
from accounts.errors import CredentialInvalid  # noqa: E402

key = sys.argv[1]
credentials.authenticate(api_key=key)
ends = time.monotonic() + 20
revoked_at = None
while time.monotonic() < ends:
    try:
        credentials.authenticate(api_key=key)
    except CredentialInvalid:
        break
    time.sleep(0.005)
