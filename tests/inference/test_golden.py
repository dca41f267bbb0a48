import pytest

from inference import golden, model_cache
from registry import resolver

pytestmark = pytest.mark.django_db

GOLDEN = {"instances": [[1.0, 0.0], [2.0, 0.0]], "predictions": [1001.0, 1002.0], "probabilities": None}


def loaded(served_version, **facts):
    return model_cache.load(resolver.served(served_version(offset=1000.0, **facts)))


def test_a_model_that_answers_as_it_did_passes(served_version):
    golden.check(loaded(served_version, golden=GOLDEN))


def test_rounding_is_no_difference(served_version):
    golden.check(loaded(served_version, golden={**GOLDEN, "predictions": [1001.00001, 1002.0]}))


def test_a_model_that_answers_otherwise_is_stopped(served_version):
    with pytest.raises(golden.GoldenMismatch):
        golden.check(loaded(served_version, golden={**GOLDEN, "predictions": [1001.0, 1003.0]}))


def test_a_version_without_golden_answers_has_nothing_to_break(served_version):
    golden.check(loaded(served_version, golden=None))
