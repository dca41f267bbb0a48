"""Request bodies that refuse what they do not know."""

import pytest
from rest_framework import serializers

from accounts.errors import UnknownField
from accounts.serializers import LoginRequest, StrictSerializer


class Inner(StrictSerializer):
    amount = serializers.FloatField()


class Outer(StrictSerializer):
    name = serializers.CharField()
    given = serializers.CharField(read_only=True)
    inner = Inner(required=False)
    many = Inner(many=True, required=False)


def test_known_fields_pass() -> None:
    body = Outer(data={"name": "n", "inner": {"amount": 1}, "many": [{"amount": 2}]})
    assert body.is_valid()
    assert body.validated_data["inner"] == {"amount": 1.0}


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({"name": "n", "x": 1, "b": 2}, ["b", "x"]),
        ({"name": "n", "given": 1}, ["given"]),
        ({"name": "n", "inner": {"amount": 1, "x": 1}}, ["inner.x"]),
        ({"name": "n", "many": [{"amount": 1, "x": 1}]}, ["many.x"]),
    ],
)
def test_unknown_and_read_only_fields_are_refused_by_name(data: dict[str, object], fields: list[str]) -> None:
    with pytest.raises(UnknownField) as caught:
        Outer(data=data).is_valid()
    assert caught.value.details == {"fields": fields}


def test_only_so_much_of_the_names_is_said_back() -> None:
    with pytest.raises(UnknownField) as caught:
        Outer(data={f"{number}" + "x" * 1000: 1 for number in range(100)}).is_valid()
    assert len(caught.value.details["fields"]) == 20
    assert max(map(len, caught.value.details["fields"])) == 100


@pytest.mark.parametrize("data", [{"password": "p"}, {"email": "a", "username": "a", "password": "p"}, {"email": "a"}])
def test_a_login_takes_either_name_and_a_password(data: dict[str, str]) -> None:
    assert not LoginRequest(data=data).is_valid()
