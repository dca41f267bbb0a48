"""From records to a verdict: references, bounded looks, and the job that looks at what is live."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from monitoring.drift import checking, reading, references, window
from monitoring.drift.errors import NoReference, SpanInvalid, TooFewRows
from monitoring.models import DriftCheck, DriftReference, DriftResult, PredictionLog
from registry.errors import Forbidden
from registry.models import Deployment, ModelVersion

pytestmark = pytest.mark.django_db
Asked = Callable[..., None]


def take(version: ModelVersion, by: Any) -> DriftReference:
    """The day before the last one as the reference."""
    until = timezone.now() - timedelta(hours=30)
    return references.from_window(version=version, by=by, since=until - timedelta(hours=30), until=until)


def verdicts(check: DriftCheck) -> dict[str, Any]:
    return {row.feature: row.is_drifted for row in check.results.all()}


def test_traffic_that_stayed_the_same_has_not_drifted(ada: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(300, ago=31)
    asked(301)
    reference = take(watched, ada)

    check = checking.check(watched)

    assert reference.rows == 300
    assert verdicts(check) == {"size": False, "colour": False, "prediction": False, "confidence": False}
    assert (check.is_drifted, check.features, check.drifted, check.note) == (False, 4, 0, "")
    assert (check.requests, check.rows) == (301, 301)


def test_traffic_that_moved_has_drifted_where_it_moved(ada: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(300, ago=31)
    asked(300, mean=1.5)
    take(watched, ada)

    check = checking.check(watched)

    assert verdicts(check) == {"size": True, "colour": False, "prediction": True, "confidence": True}
    assert (check.is_drifted, check.drifted) == (True, 3)
    (size,) = check.results.filter(feature="size")
    assert (size.role, size.statistic, size.reference_rows, size.rows) == ("input", "psi", 300, 300)
    assert size.facts["mean"] > size.facts["reference_mean"] + 1


def test_without_a_reference_there_is_nothing_to_say(watched: ModelVersion) -> None:
    with pytest.raises(NoReference):
        checking.check(watched)


def test_too_few_requests_say_so(ada: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(300, ago=31)
    asked(20, mean=3.0)
    take(watched, ada)

    check = checking.check(watched)

    assert (check.is_drifted, check.note, check.features) == (None, "too_few_requests", 0)
    assert set(verdicts(check).values()) == {None}


def test_inputs_that_are_not_kept_leave_predictions_and_confidences(
    ada: Any, watched: ModelVersion, asked: Asked
) -> None:
    asked(200, ago=31, input=None)
    asked(200, mean=2.0, input=None)
    take(watched, ada)

    check = checking.check(watched)

    assert verdicts(check) == {"prediction": True, "confidence": True}
    assert check.note == "inputs_not_kept"


def test_where_nothing_is_kept_the_confidence_still_is(ada: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(200, ago=31, input=None, output=None)
    asked(200, mean=2.0, input=None, output=None)
    take(watched, ada)

    assert verdicts(checking.check(watched)) == {"confidence": True}


def test_a_reference_needs_its_rows_a_sound_span_and_the_right(
    ada: Any, bob: Any, watched: ModelVersion, asked: Asked
) -> None:
    asked(20)
    now = timezone.now()

    with pytest.raises(TooFewRows) as told:
        references.from_window(version=watched, by=ada)
    assert told.value.details == {"rows": 20, "least": 50}
    with pytest.raises(SpanInvalid):
        references.from_window(version=watched, by=ada, since=now, until=now - timedelta(hours=1))
    with pytest.raises(SpanInvalid):
        references.from_window(version=watched, by=ada, since=now - timedelta(days=100))
    with pytest.raises(Forbidden):
        references.from_window(version=watched, by=bob)


def test_a_new_reference_takes_the_place_of_the_old_one_and_is_audited(
    ada: Any, watched: ModelVersion, asked: Asked
) -> None:
    asked(100)
    first = references.from_window(version=watched, by=ada)
    second = references.from_window(version=watched, by=ada)

    assert references.current(watched.pk) == second
    assert DriftReference.objects.get(pk=first.pk).is_current is False
    assert AuditEvent.objects.filter(action="drift.reference_taken", actor_id=ada.pk).count() == 2


def test_the_sample_of_an_upload_is_a_reference_when_it_is_large_enough(watched: ModelVersion) -> None:
    watched.sample = [[at / 10, "red" if at % 3 else "blue"] for at in range(80)]
    watched.golden = {
        "instances": watched.sample, "predictions": ["no", "yes"] * 40, "probabilities": [[0.4, 0.6]] * 80,
    }  # fmt: skip
    watched.report = {"sample_rows": 80}
    watched.save()

    reference = references.from_sample(watched)

    assert reference is not None
    assert (reference.source, reference.rows, reference.by) == ("sample", 80, None)
    assert {feature["name"]: feature["count"] for feature in reference.profile["features"]} == {
        "size": 80, "colour": 80, "prediction": 80, "confidence": 80,
    }  # fmt: skip


def test_a_small_sample_is_no_reference_and_made_up_rows_never_are(watched: ModelVersion) -> None:
    watched.golden = {"instances": [[1.0, "red"]] * 100, "predictions": ["no"] * 100, "probabilities": None}
    assert references.from_sample(watched) is None

    watched.sample = [[1.0, "red"]] * 49
    assert references.from_sample(watched) is None


def test_a_sample_that_can_not_be_read_does_not_fail_the_validation(watched: ModelVersion) -> None:
    watched.sample = [[1.0, "red"]] * 60
    watched.golden = {"predictions": 7}

    assert references.try_from_sample(watched) is None
    assert DriftReference.objects.count() == 0


def test_a_busy_span_is_drawn_from_in_bounded_pieces(
    watched: ModelVersion, asked: Asked, settings: Any, django_assert_max_num_queries: Any
) -> None:
    asked(900)
    now = timezone.now()

    with django_assert_max_num_queries(1 + window.DRAWS):
        seen = window.look(watched, since=now - timedelta(hours=24), until=now, most=200)

    assert seen.requests == 900
    assert 80 <= seen.rows <= 200
    assert len(seen.inputs["size"]) == len(seen.predictions["prediction"]) == seen.rows
    again = window.look(watched, since=now - timedelta(hours=24), until=now, most=200)
    assert again.inputs == seen.inputs


def test_only_answers_of_the_model_are_looked_at(ada: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(10)
    asked(11, outcome="cached")
    asked(12, outcome="fallback")
    asked(13, outcome="error", output=None)
    now = timezone.now()

    seen = window.look(watched, since=now - timedelta(hours=24), until=now, most=200)

    assert (seen.requests, seen.rows) == (21, 21)


def test_the_job_looks_at_what_is_live_and_due(ada: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(150)
    references.from_window(version=watched, by=ada)

    assert checking.check_next()
    assert not checking.check_next()
    assert DriftCheck.objects.count() == 1

    DriftReference.objects.update(not_before=timezone.now())
    Deployment.objects.filter(closed_at=None).update(closed_at=timezone.now())
    assert not checking.check_next()


def test_a_look_that_is_asked_for_is_made_soon_live_or_not(ada: Any, watched: ModelVersion, asked: Asked) -> None:
    asked(150)
    references.from_window(version=watched, by=ada)
    Deployment.objects.filter(closed_at=None).update(closed_at=timezone.now())
    DriftReference.objects.update(not_before=timezone.now() + timedelta(hours=1))
    assert not checking.check_next()

    checking.ask(version=watched, by=ada)

    assert checking.check_next()
    assert not checking.check_next()
    assert DriftReference.objects.get().asked_at is None


def test_only_the_owner_may_ask_for_a_look_and_it_takes_a_reference(ada: Any, bob: Any, watched: ModelVersion) -> None:
    with pytest.raises(Forbidden):
        checking.ask(version=watched, by=bob)
    with pytest.raises(NoReference):
        checking.ask(version=watched, by=ada)


def test_a_look_that_fails_is_put_off_and_can_be_made_again(
    ada: Any, watched: ModelVersion, asked: Asked, monkeypatch: Any
) -> None:
    asked(150)
    references.from_window(version=watched, by=ada)
    monkeypatch.setattr(checking, "check", lambda version: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        checking.check_next()
    monkeypatch.undo()
    assert not checking.check_next()

    DriftReference.objects.update(not_before=timezone.now())
    assert checking.check_next()


def test_old_looks_are_forgotten(ada: Any, watched: ModelVersion, asked: Asked, settings: Any) -> None:
    asked(150)
    references.from_window(version=watched, by=ada)
    checking.check(watched)
    assert checking.prune() == 0

    DriftCheck.objects.update(checked_at=timezone.now() - timedelta(days=settings.DRIFT_KEEP_DAYS + 1))

    assert checking.prune() == 1
    assert DriftResult.objects.count() == 0
    assert PredictionLog.objects.count() == 150


def test_the_course_of_a_feature_has_a_place_for_each_look(
    ada: Any, watched: ModelVersion, asked: Asked, django_assert_num_queries: Any
) -> None:
    asked(150)
    references.from_window(version=watched, by=ada)
    for _ in range(3):
        checking.check(watched)

    with django_assert_num_queries(4):
        drift = reading.of_version(watched)

    assert len(drift.checks) == 3
    assert all(len(values) == 3 for values in drift.course.values())
    assert drift.latest == drift.checks[-1]
    assert [check.pk for check in reading.latest_checks(watched.model)] == [drift.checks[-1].pk]
