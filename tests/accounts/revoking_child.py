"""Another process that uses a key: says `yes` once it works, and then when it last came with it and was let in."""

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
last = began = time.monotonic()
ends = began + 60
while began < ends:
    began = time.monotonic()
    try:
        credentials.authenticate(api_key=key)
    except CredentialInvalid:
        break
    last = began
    time.sleep(0.005)
say(str(last))
