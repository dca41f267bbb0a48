"""The three calls, as clients make them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from inference.errors import ModelExecutionFailed
from inference.handlers import picture_limits
from inference.runtimes.onnx import OnnxModel
from solutions.images import heuristic, parameters, services

pytestmark = pytest.mark.django_db

PARAMS = {"color_precision": 4, "corner_threshold": 30}


def file(content: bytes, name: str = "logo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/png")


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_picture_and_its_parameters_are_answered_with_their_ssim(
    live: Any, call: Any, logo: bytes, slash: str
) -> None:
    answer = call(f"quality{slash}", {"params": json.dumps(PARAMS)}, files={"image": file(logo)})

    told = answer.json()
    assert answer.status_code == 200, told
    assert 0.5 < told["ssim"] <= 1.0
    assert told["params"] == parameters.complete(PARAMS)
    assert (told["model"], told["version"], told["degraded"], told["degraded_reason"]) == (
        "quality_predictor", 1, False, "",
    )  # fmt: skip
    assert told["prediction_id"]
    assert answer.headers["X-Model-Version"] == "1"


def test_json_with_base64_means_the_same_as_a_form(live: Any, call: Any, logo: bytes) -> None:
    by_form = call("quality", {"params": json.dumps(PARAMS)}, files={"image": file(logo)}).json()
    by_json = call("quality", {"image": services.to_base64(logo), "params": PARAMS}).json()

    assert by_json["ssim"] == by_form["ssim"]
    assert (
        call("quality", {"image": f"data:image/png;base64,{services.to_base64(logo)}", "params": PARAMS}).json()["ssim"]
        == by_json["ssim"]
    )


def test_coarse_parameters_keep_less(live: Any, call: Any, logos: list[str]) -> None:
    fine, coarse = (
        call("quality", {"image": logos[3], "params": {"color_precision": bits, "filter_speckle": speckle}}).json()
        for bits, speckle in ((8, 0), (1, 32))
    )

    assert fine["ssim"] > coarse["ssim"] + 0.1


def test_a_batch_is_answered_in_order_as_one_by_one(live: Any, call: Any, logos: list[str]) -> None:
    params = [{}, PARAMS, {"color_precision": 1}]
    told = call("quality/batch", {"images": logos[:3], "params": params}).json()

    assert told["count"] == 3
    alone = [
        call("quality", {"image": one, "params": given}).json()["ssim"]
        for one, given in zip(logos, params, strict=False)
    ]
    assert [one["ssim"] for one in told["results"]] == pytest.approx(alone, abs=1e-3)
    assert told["results"][1]["params"]["corner_threshold"] == 30


def test_a_batch_by_form_takes_the_field_several_times(live: Any, call: Any, logo: bytes) -> None:
    told = call("quality/batch", {"params": json.dumps(PARAMS)}, files={"image": [file(logo), file(logo)]}).json()

    assert told["count"] == 2
    assert told["results"][0] == told["results"][1]


def test_a_logo_is_told_by_its_kind(live: Any, call: Any, logos: list[str], logo: bytes) -> None:
    told = call("classify", {"image": logos[2]}).json()

    assert told["label"] == "text"
    assert told["confidence"] == max(told["probabilities"].values()) > 0.5
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert set(told["probabilities"]) == {"simple", "gradient", "text", "complex"}
    assert call("classify", {}, files={"image": file(logo)}).status_code == 200


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_other_formats_and_sizes_are_read(live: Any, call: Any, kind: str) -> None:
    content = io.BytesIO()
    Image.new("RGB", (640, 480), (30, 90, 200)).save(content, kind)

    assert call("quality", {}, files={"image": file(content.getvalue())}).status_code == 200


# -- What is refused ----------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "nothing": ("quality", {}, 422, "validation_failed"),
    "a path": ("quality", {"image": "/etc/passwd"}, 422, "image_base64"),
    "a field for a path": ("quality", {"image_path": "/etc/passwd"}, 400, "unknown_field"),
    "another url": ("quality", {"image": "https://example.org/logo.png"}, 422, "image_base64"),
    "a file url": ("classify", {"image": "file:///etc/passwd"}, 422, "image_base64"),
    "no picture": ("quality", {"image": "aGVsbG8="}, 422, "image_format"),
    "null": ("quality", {"image": None}, 422, "validation_failed"),
    "a list": ("quality", {"image": ["aGVsbG8="]}, 422, "validation_failed"),
    "params of another kind": ("quality", {"image": "aGVsbG8=", "params": 3}, 422, "wrong_type"),
    "params as a list for one": ("quality", {"image": "aGVsbG8=", "params": [{}]}, 422, "wrong_type"),
    "an unknown parameter": ("quality", {"image": "aGVsbG8=", "params": {"x": 1}}, 400, "unknown_field"),
    "a parameter out of bounds": (
        "quality", {"image": "aGVsbG8=", "params": {"color_precision": 9}}, 422, "invalid_parameter",
    ),
    "an empty batch": ("quality/batch", {"images": []}, 422, "empty_batch"),
    "more than a batch holds": ("quality/batch", {"images": ["aGVsbG8="] * 33}, 413, "batch_too_large"),
    "lengths that differ": ("quality/batch", {"images": ["aGVsbG8="], "params": [{}, {}]}, 422, "length_mismatch"),
    "a bad one among a batch": ("quality/batch", {"images": ["aGVsbG8="], "params": [{}]}, 422, "image_format"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_question_is_refused_with_its_code(
    live: Any, call: Any, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = call(path, body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_the_place_of_an_error_is_told_in_the_calls_own_words(live: Any, call: Any, logos: list[str]) -> None:
    one = call("quality", {"image": "%%"}).json()["error"]
    assert (one["details"]["path"], one["message"]) == ("image", "image: this is not base64")

    many = call("quality/batch", {"images": [logos[0], "%%"]}).json()["error"]
    assert (many["details"]["path"], many["details"]["row"]) == ("images[1]", 1)


@pytest.mark.parametrize("path", ["quality", "quality/batch"])
def test_a_wrong_set_of_parameters_is_named(live: Any, call: Any, logos: list[str], path: str) -> None:
    wrong = {"filter_speckle": -1}
    body = {"image": logos[0], "params": wrong} if path == "quality" else {"images": logos[:2], "params": [{}, wrong]}

    field = call(path, body).json()["error"]["details"]["field"]

    assert field == ("params.filter_speckle" if path == "quality" else "params[1].filter_speckle")


def test_a_large_file_is_refused_unread(live: Any, call: Any, logo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_limits, "max_bytes", 100)

    for path in ("quality", "quality/batch", "classify"):
        answer = call(path, {}, files={"image": file(logo)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "image_too_large")


def test_a_large_form_is_refused(live: Any, call: Any, logo: bytes, settings: Any) -> None:
    settings.MAX_BODY_BYTES = 500

    assert call("quality", {}, files={"image": file(logo)}).status_code == 413


def test_a_form_with_two_pictures_for_one_is_refused(live: Any, call: Any, logo: bytes) -> None:
    answer = call("quality", {}, files={"image": [file(logo), file(logo)]})

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "repeated_field")


def test_a_text_in_place_of_a_file_opens_no_file(live: Any, call: Any, tmp_path: Path, logo: bytes) -> None:
    (tmp_path / "secret.png").write_bytes(logo)

    answer = call("quality", {}, files={"image": str(tmp_path / "secret.png")})

    assert answer.status_code == 422


def test_params_that_are_no_json_are_refused(live: Any, call: Any, logo: bytes) -> None:
    answer = call("quality", {"params": "{color_precision: 4}"}, files={"image": file(logo)})

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_failed")


# -- When the model can't -----------------------------------------------------------------------------


def test_before_a_model_is_live_a_rule_of_thumb_answers_and_says_so(db: None, call: Any, logos: list[str]) -> None:
    answer = call("quality", {"image": logos[0], "params": PARAMS})

    told = answer.json()
    assert answer.status_code == 200
    assert told["ssim"] == pytest.approx(heuristic.ssim(parameters.complete(PARAMS)), abs=1e-4)
    assert (told["degraded"], told["degraded_reason"]) == (True, "no_active_version")
    assert told["version"] is told["prediction_id"] is None
    assert answer.headers["X-Degraded"] == "no_active_version"
    assert call("quality/batch", {"images": logos[:2]}).json()["count"] == 2


def test_a_model_that_fails_is_stood_in_for_and_says_so(
    live: Any, call: Any, logos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise ModelExecutionFailed("broken")

    monkeypatch.setattr(OnnxModel, "predict", fail)
    told = call("quality", {"image": logos[0], "use_cache": False}).json()

    assert (told["degraded"], told["degraded_reason"]) == (True, "model_failed")
    assert call("classify", {"image": logos[0], "use_cache": False}).status_code == 500


def test_what_kind_of_logo_it_is_nobody_guesses(db: None, call: Any, logos: list[str]) -> None:
    answer = call("classify", {"image": logos[0]})

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_active_version")
    assert "manage.py train images" in answer.json()["error"]["message"]


def test_wrong_parameters_are_refused_without_a_model_too(db: None, call: Any, logos: list[str]) -> None:
    assert call("quality", {"image": logos[0], "params": {"x": 1}}).status_code == 400


def test_a_picture_is_not_judged_without_a_model_for_a_key_of_other_models(
    live: Any, client: Any, ada: Any, logos: Any
) -> None:
    from accounts import services as accounts_services

    key = accounts_services.create_key(by=ada, owner=ada, name="k", scopes=["predict"], model_names=["other"])[1]
    answer = client.post(
        "/api/v1/images/quality", {"image": logos[0]}, content_type="application/json", headers={"X-API-Key": key}
    )

    assert answer.status_code == 409
