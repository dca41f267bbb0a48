"""What an uploader can do about a failure."""

from inference.validation import FAILURE_CODES
from registry import advice


def test_there_is_advice_on_every_reason_a_validation_may_give() -> None:
    assert [code for code in sorted(FAILURE_CODES) if not advice.on(code)] == []


def test_an_unknown_reason_has_no_advice() -> None:
    assert advice.on("something_new") == ""
