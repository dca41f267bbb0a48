import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from registry import names


@pytest.mark.parametrize("name", ["churn", "a", "breast-cancer", "v2.1", "a_b-c.d9", "a" * 64])
def test_a_plain_name_is_accepted(name):
    names.validate_name(name)
    assert names.parse(name) == names.Reference(None, name, None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1",
        "12",
        "1abc",
        "Churn",
        "a b",
        "a@b",
        "a:b",
        "a/b",
        "../a",
        "a..b",
        "-a",
        "a-",
        "ä",
        "a" * 65,
        "upload",
        "a\n",
        "a\x00",
    ],
)
def test_a_name_that_could_mean_something_else_is_refused(name):
    with pytest.raises(ValidationError):
        names.validate_name(name)


def test_a_reference_means_an_id_a_name_a_version_or_what_is_live():
    assert names.parse("12") == names.Reference(12, None, None)
    assert names.parse("churn:3") == names.Reference(None, "churn", 3)
    assert names.parse("churn:v3") == names.Reference(None, "churn", 3)
    assert names.parse("churn@production") == names.Reference(None, "churn", None)
    assert names.parse("12:3") == names.Reference(12, None, 3)


@pytest.mark.parametrize(
    "reference",
    ["churn@staging", "churn:", "churn:x", ":3", "@production", "churn:3@production", "", "/", "9" * 19],
)
def test_what_is_no_reference_names_nothing(reference):
    assert names.parse(reference) is None


@given(st.text(max_size=80))
def test_no_text_crashes_the_parser_and_a_reference_never_has_two_readings(text):
    parsed = names.parse(text)
    assert parsed is None or (parsed.model_id is None) != (parsed.name is None)
