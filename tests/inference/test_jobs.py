"""The validation job, from the claim to the verdict."""

import io

import pytest
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from inference import jobs, model_cache, validation
from inference.errors import ValidationFailed
from inference.handlers import Payload
from monitoring.models import DriftReference
from registry import findings, resolver, services
from registry.models import ModelVersion, Status
from registry.serializers import VersionDetailSerializer
from tests import toys

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("kept_verdicts")]


@pytest.fixture
def pending(ada):
    return services.upload_version(by=ada, name="oracle", file=io.BytesIO(toys.oracle(1000.0)), task="regression")


def test_nothing_to_do_is_no_work(db):
    assert jobs.validate_next() is False


def test_an_onnx_file_becomes_ready_with_what_was_found(pending):
    assert jobs.validate_next() is True
    version = ModelVersion.objects.get()
    assert (version.status, version.runtime, version.failure) == (Status.READY, "onnx", None)
    assert version.signature["handler"] == "tabular"
    assert version.load_ms > 0
    assert version.memory_bytes >= 0
    assert version.golden
    assert version.lease_token is None


def test_a_scikit_learn_file_is_compiled_and_its_reason_kept(ada, toy_file):
    services.upload_version(by=ada, name="toy", file=toy_file)
    jobs.validate_next()
    version = ModelVersion.objects.get()
    assert (version.status, version.runtime) == (Status.READY, "onnx"), version.failure
    assert version.compiled_sha256
    assert version.signature["classes"] == ["no", "yes"]


def test_a_sample_of_enough_rows_becomes_the_reference_that_drift_is_measured_from(ada, toy_file):
    sample = [[at / 10, 3.0] for at in range(60)]
    services.upload_version(by=ada, name="toy", file=toy_file, sample=sample)
    jobs.validate_next()
    version = ModelVersion.objects.get()

    reference = DriftReference.objects.get(version=version)
    assert (reference.source, reference.rows) == ("sample", 60)
    said = {feature["name"]: feature for feature in reference.profile["features"]}
    assert said["prediction"]["counts"] == {"no": 31, "yes": 29}
    assert said["feature_0"]["values"][:2] == [0.0, 0.1]
    assert said["feature_1"]["counts"] == {"3": 60}


def test_what_a_file_was_made_with_is_told(ada, toy_file):
    services.upload_version(by=ada, name="toy", file=toy_file)
    jobs.validate_next()
    version = ModelVersion.objects.select_related("model").get()
    assert version.report["warnings"] == []
    assert VersionDetailSerializer(version).data["trained_with"] == {"scikit-learn": sklearn.__version__}
    assert ("Saved with", f"scikit-learn {sklearn.__version__}") in findings.lineage(version)


def test_a_text_model_of_anybody_is_served_in_the_form_of_our_own(ada, joblib_file):
    texts = ["good film", "bad film", "a good plot", "bad bad plot"] * 3
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(texts, ["yes", "no"] * 6)
    services.upload_version(by=ada, name="mood", file=joblib_file(model))
    jobs.validate_next()
    version = ModelVersion.objects.get()
    assert (version.status, version.runtime, version.trusted) == (Status.READY, "linear_text", False), version.failure
    assert version.compiled.endswith("compiled.linear_text")
    assert version.parity["max_difference"] < 1e-9
    loaded = model_cache.load(resolver.served(version))
    feeds = loaded.handler.preprocess(Payload("instances", ["A GOOD film", "a bad plot"]), loaded.signature)
    assert loaded.handler.postprocess(loaded.model.predict(feeds), loaded.signature).predictions == ["yes", "no"]


def test_a_model_that_fails_says_why(pending, monkeypatch):
    def refuse(**_):
        raise ValidationFailed("no_predict", "The object has no predict method.", field="file")

    monkeypatch.setattr(validation, "validate", refuse)
    jobs.validate_next()
    assert ModelVersion.objects.get().failure == {
        "code": "no_predict",
        "message": "The object has no predict method.",
        "field": "file",
    }


def test_a_fault_of_ours_is_tried_again_later_and_given_up_after_three(pending, monkeypatch):
    def stumble(**_):
        raise OSError("disk full")

    monkeypatch.setattr(validation, "validate", stumble)
    monkeypatch.setattr(jobs, "_RETRY_SECONDS", (0.0, 0.0, 0.0))
    for _ in range(3):
        assert jobs.validate_next() is True
        assert ModelVersion.objects.get().status == Status.PENDING
    assert jobs.validate_next() is False
    version = ModelVersion.objects.get()
    assert (version.status, version.failure["code"]) == (Status.FAILED, "gave_up")


def test_progress_is_shown_while_it_works(pending, monkeypatch):
    shown = []

    def work(*, progress, **_):
        progress("Loading", 0.25)
        shown.append(ModelVersion.objects.get().progress)
        raise ValidationFailed("no_predict", "No.")

    monkeypatch.setattr(validation, "validate", work)
    jobs.validate_next()
    assert shown == [{"step": "Loading", "fraction": 0.25}]


def test_an_interrupted_runner_gives_its_claim_back(pending, monkeypatch):
    def interrupt(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(validation, "validate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        jobs.validate_next()
    version = ModelVersion.objects.get()
    assert (version.lease_token, version.attempts) == (None, 0)


def test_a_runner_that_lost_its_claim_stops_and_writes_nothing(pending, monkeypatch, settings):
    settings.JOB_LEASE_SECONDS = 0.3
    reached = []

    def slow(*, progress, **_):
        ModelVersion.objects.update(lease_token=None)
        for _ in range(3000):
            progress("Loading", 0.1)
            jobs.threading.Event().wait(0.02)
        reached.append(True)

    monkeypatch.setattr(validation, "validate", slow)
    jobs.validate_next()
    assert reached == []
    assert ModelVersion.objects.get().status == Status.VALIDATING


def test_a_file_that_was_changed_meanwhile_is_not_opened(pending, var_dir, monkeypatch):
    opened = []
    monkeypatch.setattr(validation, "validate", lambda **_: opened.append(True))
    (var_dir / "models" / pending.artifact).write_bytes(b"swapped")
    jobs.validate_next()
    assert opened == []
