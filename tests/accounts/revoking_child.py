"""Another process that uses a key: says `yes` once it works, and then the moment from which it no longer did."""

import sys
import time

import django

django.setup()

from accounts import credentials  # noqa: E402
from accounts.errors import CredentialInvalid  # noqa: E402


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


key = sys.argv[1]
credentials.authenticate(api_key=key)
say("yes")
ends = time.monotonic() + 20
while time.monotonic() < ends:
    try:
        credentials.authenticate(api_key=key)
    except CredentialInvalid:
        break
    time.sleep(0.005)
say(str(time.time()))
