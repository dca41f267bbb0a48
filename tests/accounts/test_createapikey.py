"""The command that prints a key."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts import credentials
from accounts.models import ApiKey


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("createapikey", *arguments, stdout=out)
    return out.getvalue()


def test_the_key_alone_is_printed_and_works(ada: Any) -> None:
    printed = run(
        "ADA@example.org",
        "--name",
        "robot",
        "--scope",
        "predict",
        "read",
        "--scope",
        "upload",
        "--model",
        "iris",
    )
    assert printed.count("\n") == 1
    principal = credentials.authenticate(api_key=printed.strip())
    assert principal is not None
    assert principal.scopes == {"predict", "read", "upload"}
    assert principal.model_names == {"iris"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("nobody@example.org", "--name", "n", "--scope", "predict"),
        ("ada@example.org", "--name", "", "--scope", "predict"),
        ("ada@example.org", "--name", "n", "--scope", "fly"),
        ("ada@example.org", "--name", "n"),
        ("ada@example.org", "--name", "n", "--scope", "predict", "--days", "0"),
        ("ada@example.org", "--name", "n", "--scope", "predict", "--rate-limit", "-1"),
    ],
)
def test_what_cannot_be_granted_makes_no_key(arguments: tuple[str, ...], ada: Any) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
    assert not ApiKey.objects.exists()


def test_a_key_may_end_after_some_days(ada: Any) -> None:
    run("ada@example.org", "--name", "n", "--scope", "predict", "--days", "2")
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    assert 1 <= (key.expires_at - key.created_at).days <= 2
