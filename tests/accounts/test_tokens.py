"""Signed tokens and what is no token."""

import time
from typing import Any

import jwt
import pytest
from django.conf import settings

from accounts import tokens
from accounts.errors import CredentialInvalid


@pytest.fixture
def claims(ada: Any) -> dict[str, Any]:
    """The claims of a good access token, to be spoilt one at a time."""
    return jwt.decode(tokens.issue(ada).access, options={"verify_signature": False})


def sign(claims: dict[str, Any], *, key: str = "", algorithm: str = "HS256", **options: Any) -> str:
    return jwt.encode(claims, key or settings.JWT_SIGNING_KEY, algorithm=algorithm, **options)


def test_an_access_token_gives_its_user_and_its_end(ada: Any) -> None:
    pair = tokens.issue(ada)
    user, ends_at = tokens.verify_access(pair.access)
    assert user == ada
    assert pair.expires_in - 60 < ends_at - time.time() <= pair.expires_in


def test_access_and_refresh_tokens_do_not_stand_in_for_each_other(ada: Any) -> None:
    pair = tokens.issue(ada)
    assert tokens.verify_refresh(pair.refresh) == ada
    with pytest.raises(CredentialInvalid):
        tokens.verify_access(pair.refresh)
    with pytest.raises(CredentialInvalid):
        tokens.verify_refresh(pair.access)


def test_the_claims_alone_signed_again_are_accepted(claims: dict[str, Any], ada: Any) -> None:
    assert tokens.verify_access(sign(claims))[0] == ada


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", ""])
def test_a_token_without_a_signature_is_refused(algorithm: str, claims: dict[str, Any]) -> None:
    header = jwt.utils.base64url_encode(b'{"alg":"%s","typ":"JWT"}' % algorithm.encode()).decode()
    payload = sign(claims).split(".")[1]
    for signature in ("", "AAAA"):
        with pytest.raises(CredentialInvalid):
            tokens.verify_access(f"{header}.{payload}.{signature}")


@pytest.mark.filterwarnings("ignore")
def test_another_key_or_algorithm_is_refused(claims: dict[str, Any]) -> None:
    for token in (
        sign(claims, key="x" * 64),
        sign(claims, algorithm="HS512"),
        sign(claims, key=settings.SECRET_KEY),
    ):
        with pytest.raises(CredentialInvalid):
            tokens.verify_access(token)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_letter_is_refused(part: int, ada: Any) -> None:
    parts = tokens.issue(ada).access.split(".")
    parts[part] = parts[part][:5] + ("A" if parts[part][5] != "A" else "B") + parts[part][6:]
    with pytest.raises(CredentialInvalid):
        tokens.verify_access(".".join(parts))


@pytest.mark.parametrize(
    "spoil",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": -1},
        {"exp": float("inf")},
        {"exp": [1]},
        {"iat": 4102444800},
        {"nbf": 4102444800},
        {"iss": "elsewhere"},
        {"iss": None},
        {"jti": None},
        {"token_type": None},
        {"user_id": [1]},
        {"user_id": {"a": 1}},
        {"user_id": 1.0},
        {"user_id": True},
        {"user_id": "1 "},
        {"user_id": "-1"},
        {"user_id": "9" * 400},
        {"user_id": "999999999"},
        {"user_id": None},
        {"pwd": None},
        {"pwd": "f" * 32},
        {"pwd": 7},
        {"pwd": "é"},
    ],
)
def test_a_token_with_an_odd_claim_is_refused(spoil: dict[str, Any], claims: dict[str, Any]) -> None:
    spoilt = {name: value for name, value in {**claims, **spoil}.items() if value is not None}
    with pytest.raises(CredentialInvalid):
        tokens.verify_access(sign(spoilt))


def test_an_expired_token_says_that_it_has_expired(claims: dict[str, Any]) -> None:
    with pytest.raises(CredentialInvalid) as caught:
        tokens.verify_access(sign({**claims, "exp": int(time.time()) - 1}))
    assert caught.value.code == "token_expired"


@pytest.mark.parametrize("headers", [{"kid": "../../etc/passwd"}, {"jku": "http://127.0.0.1:9/"}, {"x5u": "file:///x"}])
def test_key_hints_in_the_header_change_nothing(headers: dict[str, str], claims: dict[str, Any], ada: Any) -> None:
    assert tokens.verify_access(sign(claims, headers=headers))[0] == ada
    with pytest.raises(CredentialInvalid):
        tokens.verify_access(sign(claims, key="x" * 64, headers=headers))


def test_a_critical_header_nobody_knows_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(CredentialInvalid):
        tokens.verify_access(sign(claims, headers={"crit": ["x"], "x": 1}))
