"""Rules find what is wrong, wait as long as they say, tell once, and say when it is over."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import AuditEvent
from monitoring import histogram, processes
from monitoring.alerts import judging, kinds, services
from monitoring.alerts.models import Alert, AlertChannel, AlertDelivery, AlertEvent, AlertRule, Kind, State
from monitoring.drift.models import DriftCheck, DriftReference
from monitoring.models import Resolution, Rollup
from registry.models import Deployment

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(second=30, microsecond=0)


def rule(name: str, **changes: Any) -> AlertRule:
    AlertRule.objects.filter(name=name).update(**changes)
    return AlertRule.objects.get(name=name)


def requests(
    model: Any, outcome: str, count: int, *, at: datetime = NOW, ms: float = 5.0, resolution: int = 60
) -> None:
    start = datetime.fromtimestamp(int(at.timestamp()) // resolution * resolution, at.tzinfo)
    Rollup.objects.create(
        resolution=resolution, start=start, model=model, outcome=outcome, requests=count, instances=count,
        latency_sum_ms=ms * count, latency_histogram=histogram.added([""], [{histogram.bucket_of(ms): count}])[0],
    )  # fmt: skip


def serving(host: str = "web1", is_ready: bool = True, **facts: Any) -> Any:
    row = processes.register(host, 1)
    processes.beat(row.pk, is_ready, facts)
    return row


def live(version: Any) -> None:
    Deployment.objects.create(
        model=version.model, version=version, by=version.model.owner, action="activate", activated_at=NOW
    )


class TestFinding:
    def test_every_kind_has_a_function_a_rule_and_a_runbook(self) -> None:
        assert set(kinds._KINDS) == set(kinds.RUNBOOKS) == set(Kind)
        assert {found.kind for found in AlertRule.objects.all()} == set(Kind.values)

    def test_on_an_empty_platform_nothing_is_wrong(self) -> None:
        assert {one.name: kinds.find(one, NOW) for one in AlertRule.objects.all() if kinds.find(one, NOW)} == {}

    def test_a_share_of_failures_above_the_threshold(self, toy_model: Any) -> None:
        requests(toy_model, "ok", 90)
        requests(toy_model, "invalid", 100)
        requests(toy_model, "error", 6)
        assert kinds.find(rule("prediction-errors"), NOW) == {}
        requests(toy_model, "timeout", 14)

        found = kinds.find(rule("prediction-errors"), NOW)
        assert found["toy"].value == pytest.approx(20 / 210)
        assert found["toy"].model_id == toy_model.pk
        assert kinds.find(rule("prediction-errors", minimum=1000), NOW) == {}

    def test_what_was_long_ago_does_not_count(self, toy_model: Any) -> None:
        requests(toy_model, "error", 50, at=NOW - timedelta(minutes=30))

        assert kinds.find(rule("prediction-errors"), NOW) == {}

    def test_the_latency_objective_burns_only_while_it_still_does(self, toy_model: Any) -> None:
        requests(toy_model, "ok", 10, ms=5.0, at=NOW - timedelta(minutes=40))
        requests(toy_model, "cached", 90, ms=250.0, at=NOW - timedelta(minutes=40))
        fast = rule("latency-burns-fast")
        assert kinds.find(fast, NOW) == {}, "it is over"
        requests(toy_model, "ok", 60, ms=250.0)

        [found] = kinds.find(fast, NOW).values()
        assert found.value == pytest.approx((150 / 160) / 0.05)
        assert kinds.find(rule("latency-burns-fast", objective_ms=300.0), NOW) == {}

    def test_a_model_that_was_asked_often_and_is_not_any_more(self, toy_version: Any) -> None:
        live(toy_version)
        requests(toy_version.model, "ok", 499, at=NOW - timedelta(hours=3), resolution=Resolution.QUARTER)
        assert kinds.find(rule("no-traffic"), NOW) == {}
        requests(toy_version.model, "cached", 10, at=NOW - timedelta(hours=2), resolution=Resolution.QUARTER)
        assert set(kinds.find(rule("no-traffic"), NOW)) == {"toy"}
        requests(toy_version.model, "invalid", 1, at=NOW - timedelta(minutes=3))

        assert kinds.find(rule("no-traffic"), NOW) == {}

    def test_drift_of_what_is_live_by_the_last_look(self, toy_version: Any) -> None:
        reference = DriftReference.objects.create(version=toy_version, source="sample", rows=10)

        def look(drifted: int) -> None:
            DriftCheck.objects.create(
                version=toy_version, model=toy_version.model, reference=reference, window_from=NOW, window_to=NOW,
                requests=9, rows=9, features=3, drifted=drifted, is_drifted=drifted > 0,
            )  # fmt: skip

        look(2)
        assert kinds.find(rule("drift"), NOW) == {}, "it is not live"
        live(toy_version)
        assert set(kinds.find(rule("drift"), NOW)) == {"toy:1"}
        look(0)
        assert kinds.find(rule("drift"), NOW) == {}

    def test_what_processes_say(self, toy_version: Any) -> None:
        facts = {
            "models": [{"model": "toy", "version": 1, "waiting": 10}],
            "failed": {"toy:1": "no memory"},
            "breakers": {"redis": "open", "other": "closed"},
            "spool_oldest_seconds": 75.0,
        }
        serving(**facts)
        serving(**{**facts, "spool_oldest_seconds": None})

        assert kinds.find(rule("queue"), NOW)["toy"].value == 20
        assert kinds.find(rule("model-not-loaded"), NOW)["toy:1"].value == 2
        assert set(kinds.find(rule("breaker-open"), NOW)) == {"redis"}
        assert kinds.find(rule("records-late"), NOW)["web1"].value == 75.0

    def test_no_process_is_ready(self, toy_version: Any) -> None:
        assert kinds.find(rule("processes"), NOW) == {}
        live(toy_version)
        serving(is_ready=False)
        assert set(kinds.find(rule("processes"), NOW)) == {""}
        serving()
        assert kinds.find(rule("processes"), NOW) == {}

    def test_records_that_were_given_up_are_wrong_for_a_while(self) -> None:
        row = serving(counters={"spool.dropped": 5})
        dropped = rule("records-dropped")
        assert kinds.find(dropped, NOW) == {}, "what was before the first look is not news"
        processes.beat(row.pk, True, {"counters": {"spool.dropped": 8}})
        assert kinds.find(dropped, NOW)[""].value == 3
        processes.remove(row.pk)
        assert kinds.find(dropped, NOW + timedelta(minutes=5))[""].value == 3
        assert kinds.find(dropped, NOW + timedelta(minutes=11)) == {}

    def test_damaged_files_and_waiting_uploads(self, toy_version: Any) -> None:
        type(toy_version).objects.filter(pk=toy_version.pk).update(damage={"code": "swapped"})
        assert "swapped" in kinds.find(rule("damaged-files"), NOW)["toy:1"].text
        type(toy_version).objects.filter(pk=toy_version.pk).update(
            status="pending", created_at=NOW - timedelta(minutes=20)
        )
        assert kinds.find(rule("validation-waits"), NOW)[""].value == 1

    def test_a_rule_may_be_about_one_model_only(self, toy_model: Any, ada: Any) -> None:
        other = type(toy_model).objects.create(name="other", task="classification", owner=ada)
        for model in (toy_model, other):
            requests(model, "error", 50)

        assert set(kinds.find(rule("prediction-errors", model=other), NOW)) == {"other"}


class TestJudging:
    @pytest.fixture(autouse=True)
    def one_that_hears_all(self) -> None:
        AlertChannel.objects.create(name="all", kind="email", address="a@example.org")
        AlertChannel.objects.create(name="grave", kind="email", address="b@example.org", least_severity="critical")
        AlertChannel.objects.create(name="off", kind="email", address="c@example.org", is_enabled=False)

    def told(self) -> list[tuple[str, str]]:
        rows = AlertDelivery.objects.order_by("pk").values_list("event__kind", "channel__name")
        return [(kind, name) for kind, name in rows]

    def judge(self, name: str, at: datetime) -> list[tuple[str, str]]:
        judging.judge(rule(name), at)
        return list(Alert.objects.values_list("subject", "state"))

    def test_it_waits_fires_tells_once_and_says_when_it_is_over(self, toy_model: Any) -> None:
        requests(toy_model, "error", 50)
        assert self.judge("prediction-errors", NOW) == [("toy", State.PENDING)]
        assert self.judge("prediction-errors", NOW + timedelta(seconds=119)) == [("toy", State.PENDING)]
        assert self.told() == []
        for seconds in (120, 130, 140):
            assert self.judge("prediction-errors", NOW + timedelta(seconds=seconds)) == [("toy", State.FIRING)]
        assert sorted(self.told()) == [("firing", "all"), ("firing", "grave")]

        later = NOW + timedelta(hours=1)
        assert self.judge("prediction-errors", later) == [("toy", State.OK)]
        assert self.judge("prediction-errors", later) == []
        assert sorted(self.told())[2:] == [("resolved", "all"), ("resolved", "grave")]
        assert list(AlertEvent.objects.order_by("pk").values_list("kind", flat=True)) == ["firing", "resolved"]

    def test_what_is_over_before_it_fires_tells_nobody(self, toy_model: Any) -> None:
        requests(toy_model, "error", 50)
        self.judge("prediction-errors", NOW)
        self.judge("prediction-errors", NOW + timedelta(hours=1))

        assert (self.told(), AlertEvent.objects.count()) == ([], 0)

    def test_warnings_go_to_those_who_want_them(self) -> None:
        serving(breakers={"redis": "open"})
        rule("breaker-open", for_seconds=0)
        self.judge("breaker-open", NOW)

        assert self.told() == [("firing", "all")]

    def test_silence_keeps_it_from_people_until_it_ends(self, root: Any) -> None:
        serving(breakers={"redis": "open"})
        rule("breaker-open", for_seconds=60)
        self.judge("breaker-open", NOW)
        services.silence(alert=Alert.objects.get(), minutes=30, by=root, note="we know")
        assert self.judge("breaker-open", timezone.now() + timedelta(minutes=2)) == [("redis", State.FIRING)]
        assert self.told() == []
        assert self.judge("breaker-open", timezone.now() + timedelta(minutes=31)) == [("redis", State.FIRING)]

        assert self.told() == [("firing", "all")]
        assert AlertEvent.objects.filter(kind="silenced", by=root, text="we know").exists()
        assert AuditEvent.objects.filter(action="alert.silenced").count() == 1

    def test_a_silenced_rule_tells_of_none_of_its_alerts(self) -> None:
        serving(breakers={"redis": "open"})
        rule("breaker-open", for_seconds=0, silenced_until=NOW + timedelta(days=1))
        self.judge("breaker-open", NOW)

        assert (self.told(), AlertEvent.objects.count()) == ([], 1)

    def test_a_rule_is_judged_by_one_runner_and_in_its_turn(self) -> None:
        past = timezone.now() - timedelta(minutes=1)
        AlertRule.objects.update(judged_at=past, is_enabled=False)
        rule("drift", is_enabled=True)

        serving(breakers={"redis": "open"})
        rule("breaker-open", is_enabled=True)

        assert judging.judge_due()
        assert not judging.judge_due()
        judged = AlertRule.objects.filter(judged_at__gt=past).values_list("name", flat=True)
        assert sorted(judged) == ["breaker-open", "drift"]

    def test_a_rule_that_can_not_be_judged_does_not_hold_up_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        AlertRule.objects.update(judged_at=timezone.now() - timedelta(minutes=1))
        judged = []

        def find(one: AlertRule, now: datetime) -> dict[str, Any]:
            judged.append(one.name)
            if one.kind == Kind.ERRORS:
                raise RuntimeError("a mistake")
            return {}

        monkeypatch.setattr(judging.kinds, "find", find)
        judging.judge_due()

        assert len(judged) == len(set(judged)) == AlertRule.objects.count()

    def test_subjects_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judging, "MOST_SUBJECTS", 3)
        serving(breakers={f"service {number}": "open" for number in range(10)})
        self.judge("breaker-open", NOW)

        assert Alert.objects.count() == 3


def test_the_history_is_never_changed() -> None:
    event = AlertEvent.objects.create(kind="firing", rule_name="drift", severity="warning")
    event.text = "nothing happened"
    with pytest.raises(ValidationError):
        event.save()


def test_old_history_is_forgotten() -> None:
    for days in (1, judging.KEPT_DAYS + 1):
        AlertEvent.objects.create(
            kind="firing", rule_name="drift", severity="warning", at=timezone.now() - timedelta(days=days)
        )
    assert judging.prune() == 1
    assert AlertEvent.objects.count() == 1
