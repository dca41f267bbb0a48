"""API key texts."""

import hashlib
import hmac

import pytest

from accounts import keys


def test_a_key_reads_as_brand_prefix_and_secret() -> None:
    key = keys.make()
    assert str(key) == f"mlp_{key.prefix}_{key.secret}"
    assert len(key.prefix) >= 8


def test_a_secret_carries_at_least_256_bits() -> None:
    assert len(keys._ALPHABET) ** keys.SECRET_LENGTH >= 2**256


def test_two_keys_are_never_alike() -> None:
    made = [keys.make() for _ in range(200)]
    assert len({key.prefix for key in made}) == len({key.secret for key in made}) == 200


def test_splitting_gives_back_what_was_made() -> None:
    key = keys.make()
    assert keys.split(str(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mlp",
        "mlp__",
        "mlp_abc_def",
        "\0",
        "ключ",
        "x" * 100_000,
        "mlp_" + "a" * 12 + "_" + "b" * 42,
        "٣" * 60,
    ],
)
def test_a_text_that_is_no_key_has_no_parts(text: str) -> None:
    assert keys.split(text) is None


def test_a_key_with_anything_before_or_after_it_is_no_key() -> None:
    text = str(keys.make())
    assert [keys.split(t) for t in (f" {text}", f"{text}\n", f"{text}x", f"x{text}")] == [None] * 4


def test_the_hash_is_hmac_sha256_under_the_pepper() -> None:
    assert keys.hash("secret", pepper="pepper") == hmac.new(b"pepper", b"secret", hashlib.sha256).hexdigest()


def test_a_secret_verifies_only_against_its_own_hash_and_pepper() -> None:
    stored = keys.hash("secret", pepper="pepper")
    assert keys.verify("secret", stored, pepper="pepper")
    assert not keys.verify("Secret", stored, pepper="pepper")
    assert not keys.verify("secret", stored, pepper="salt")
    assert not keys.verify("secret", "", pepper="pepper")


def test_the_secret_is_not_in_the_repr() -> None:
    key = keys.make()
    assert key.secret not in repr(key)
