"""What a principal may do."""

from typing import Any

import pytest

from accounts.errors import Forbidden, ScopeMissing
from accounts.principal import ALL_SCOPES, principal_for, rights_of


def test_a_user_without_the_right_has_no_upload_scope(django_user_model: Any, db: None) -> None:
    user = django_user_model.objects.create_user("viewer@example.org")
    assert rights_of(user) == ALL_SCOPES - {"upload"}


def test_a_superuser_has_every_scope(root: Any) -> None:
    assert rights_of(root) == ALL_SCOPES


def test_a_missing_scope_and_a_missing_right_are_told_apart(django_user_model: Any, db: None) -> None:
    user = django_user_model.objects.create_user("viewer@example.org")
    principal = principal_for(user, scopes=["predict", "upload"])
    principal.require("predict")
    with pytest.raises(ScopeMissing) as missing:
        principal.require("read")
    assert missing.value.details == {"scope": "read"}
    with pytest.raises(Forbidden) as forbidden:
        principal.require("upload")
    assert forbidden.value.details == {"right": "registry.upload_model"}


def test_scopes_that_do_not_exist_are_worth_nothing(ada: Any) -> None:
    principal = principal_for(ada, scopes=["fly", "predict"])
    assert principal.scopes == {"predict"}
    assert principal.withheld == frozenset()


def test_an_empty_list_of_models_is_no_limit(ada: Any) -> None:
    assert principal_for(ada).model_names is None
    assert principal_for(ada, model_names=["a"]).model_names == {"a"}
