"""What the solution does: ask the two networks about pictures, by the platform's own call."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from accounts.errors import UnknownField
from accounts.principal import Principal
from inference import fallback
from inference.errors import InputInvalid, PictureTooLarge
from inference.handlers import picture_limits
from inference.predictor import Answer, Question
from registry import resolver
from solutions import asking
from solutions.errors import NotTrained, TooMuch, ValueInvalid
from solutions.images import ADVICE, FAMILY, QUALITY, SIZE, heuristic, parameters

MAX_PICTURES = 32
"""Of one batch: their tensors take 20 MB, and what the network keeps in between twice that."""
NOT_LIVE = "no_active_version"
_PICTURE_RANK = 4  # rows, channels, height, width


@dataclass(frozen=True, slots=True)
class Asked:
    """How to treat a question."""

    by: Principal
    request_id: str
    use_cache: bool = True
    subject_id: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """SSIM of each picture with the parameters it was judged by, in their order. answer: None where no model gave one.

    degraded: why it is a rule of thumb; empty when the model answered.
    """

    ssim: list[float]
    params: list[dict[str, float]]
    answer: Answer | None
    degraded: str = ""


def judge(*, images: Sequence[str], params: Any, asked: Asked, is_batch: bool = False) -> Judged:
    """How much of each picture (base64) a conversion with these parameters keeps: SSIM from 0 to 1.

    params: one object for all, or a list with one for each. Where no model can answer, a rule of thumb does, and the
    answer says so. Raises TooMuch, ValueInvalid, UnknownField, InputInvalid (also PictureTooLarge), and what a
    prediction raises for reasons that lie not with the model.
    """
    settings: list[dict[str, float]] = []

    def read() -> Question:
        settings.extend(_settings(params, len(images), is_batch=is_batch))
        picture, vector = _inputs(asked.by)
        rows = [
            {picture: image, vector: [given[name] for name in parameters.NAMES]}
            for image, given in zip(images, settings, strict=True)
        ]
        return asking.rows(rows, use_cache=asked.use_cache, subject_id=asked.subject_id)

    try:
        answer = _ask(QUALITY, read, asked, is_batch=is_batch)
    except Exception as error:
        reason = _reason(error, asked.by)
        if not reason:
            raise
        settings = settings or _settings(params, len(images), is_batch=is_batch)
        return Judged([heuristic.ssim(given) for given in settings], settings, None, reason)
    ssim = [min(1.0, max(0.0, value or 0.0)) for value in answer.predictions.predictions]
    return Judged(ssim, settings, answer, answer.degraded)


def classify(*, image: str, asked: Asked) -> Answer:
    """The family of one logo (base64). Raises NotTrained, InputInvalid, and what a prediction raises."""

    def read() -> Question:
        return asking.rows([image], use_cache=asked.use_cache, subject_id=asked.subject_id)

    return _ask(FAMILY, read, asked)


def advise(*, image: str, asked: Asked) -> dict[str, float]:
    """The conversion parameters that suit a picture (base64), from what can be counted in it.

    Raises NotTrained, InputInvalid, and what a prediction raises.
    """
    from solutions.images import features  # SciPy is for those who ask

    counted = features.of(np.asarray(_seen(image)))
    answer = asking.ask(
        principal=asked.by,
        model=ADVICE,
        read=lambda: asking.rows([counted], use_cache=asked.use_cache, subject_id=asked.subject_id),
        request_id=asked.request_id,
    )
    told = answer.predictions.predictions[0]
    return {one.name: one.cast(value) for one, value in zip(parameters.PARAMETERS, told, strict=True)}


def thumbnail(image: str) -> str:
    """The picture as the networks see it: a PNG of 224 × 224 pixels in base64. Raises InputInvalid."""
    file = io.BytesIO()
    _seen(image).save(file, "PNG")
    return to_base64(file.getvalue())


def _seen(image: str) -> Any:
    from inference.handlers import pictures  # Pillow is for those who ask

    try:
        whole = pictures.decode(pictures.from_base64(image))
    except pictures.Refused as refused:
        raise refused.at("image") from refused
    return pictures.fitted(whole, (SIZE, SIZE))


def to_base64(content: bytes) -> str:
    """A picture's file as the rows of a prediction hold it."""
    return base64.b64encode(content).decode()


def read_file(content: BinaryIO, size: int, *, path: str) -> str:
    """An uploaded file as base64. Raises PictureTooLarge before it is read."""
    if size > picture_limits.max_bytes:
        message = f"{path}: the picture has more than {picture_limits.max_bytes:,} bytes"
        raise PictureTooLarge("image_too_large", message, path=path)
    return to_base64(content.read())


def _inputs(by: Principal) -> tuple[str, str]:
    """What the live version calls its two inputs: an imported one may have names of its own."""
    columns = resolver.resolve(QUALITY, user=by.user).signature["inputs"]
    pictures = [column["name"] for column in columns if len(column["shape"]) == _PICTURE_RANK]
    others = [column["name"] for column in columns if len(column["shape"]) != _PICTURE_RANK]
    return (pictures or ["image"])[0], (others or ["parameters"])[0]


def _ask(model: str, read: Callable[[], Question], asked: Asked, *, is_batch: bool = False) -> Answer:
    try:
        return asking.ask(principal=asked.by, model=model, read=read, request_id=asked.request_id)
    except InputInvalid as error:
        raise _in_the_callers_words(error, is_batch) from error


def _in_the_callers_words(error: InputInvalid, is_batch: bool) -> InputInvalid:
    """The error with the path of this call in place of the prediction's."""
    if not error.path.startswith("instances["):
        return error
    path = f"images[{error.row}]" if is_batch else "image"
    message = error.message.replace(error.path, path)
    return type(error)(error.code, message, path=path, row=error.row if is_batch else None)


def _reason(error: Exception, by: Principal) -> str:
    """Why a rule of thumb answers instead; empty where it must not."""
    if isinstance(error, NotTrained):
        return NOT_LIVE if by.may_use_model(QUALITY) else ""
    return fallback.reason_of(error)


def _settings(params: Any, count: int, *, is_batch: bool) -> list[dict[str, float]]:
    """The eight parameters of each picture. Raises TooMuch, ValueInvalid, UnknownField."""
    if count > MAX_PICTURES:
        raise TooMuch(f"{count} pictures are too many: send at most {MAX_PICTURES}.", limit=MAX_PICTURES)
    if not count:
        raise ValueInvalid("Send at least one picture.", code="empty_batch", field="images")
    if is_batch and isinstance(params, list):
        if len(params) != count:
            raise ValueInvalid(
                f"There are {count} pictures and {len(params)} sets of parameters.",
                code="length_mismatch",
                field="params",
            )
        return [_complete(given, f"params[{at}]") for at, given in enumerate(params)]
    one = _complete(params, "params")
    return [one] * count


def _complete(given: Any, path: str) -> dict[str, float]:
    if not isinstance(given, dict):
        raise ValueInvalid(f"{path} must be an object of names and numbers.", code="wrong_type", field=path)
    try:
        return parameters.complete(given)
    except parameters.ParameterInvalid as error:
        if error.is_unknown:
            raise UnknownField(error.message, details={"fields": [f"{path}.{error.name}"]}) from error
        raise ValueInvalid(error.message, code="invalid_parameter", field=f"{path}.{error.name}") from error
