"""Opens an untrusted file of any format that holds a scikit-learn-like model. In the sandbox only."""

from collections.abc import Callable
from typing import Any, BinaryIO

import sklearn

from inference.errors import RuntimeUnavailable, ValidationFailed
from inference.runtimes import unpickling
from inference.runtimes.unpickling import Opened

OPENED_HERE = frozenset({"lightgbm", "skops", "sklearn", "xgboost"})


def open_model(stream: BinaryIO, *, format: str, trusted: bool, max_array_bytes: int) -> Opened:
    """Raises ValidationFailed: what the format's reader says, missing_library, library_version, unreadable."""
    if format == "sklearn":
        opener = unpickling.open_widened if trusted else unpickling.open_checked
        opened = opener(stream, max_array_bytes=max_array_bytes)
    elif format == "skops":
        from inference.validation import skops_files

        opened = (skops_files.open_widened if trusted else skops_files.open_checked)(stream.read())
    else:
        return _booster(stream.read(), _boosters()[format])
    _check_version(opened, trusted)
    return opened


def _boosters() -> dict[str, Callable[[bytes], Any]]:
    from inference.runtimes import lightgbm, xgboost

    return {"lightgbm": lightgbm.open_booster, "xgboost": xgboost.open_booster}


def _booster(content: bytes, opener: Callable[[bytes], Any]) -> Opened:
    try:
        return Opened(opener(content), None)
    except RuntimeUnavailable as error:
        raise ValidationFailed("missing_library", str(error), field="file") from error
    except MemoryError:
        raise
    except Exception as error:
        words = str(error).strip().splitlines()[0:1]
        raise ValidationFailed(
            "unreadable",
            f"The library cannot read the model file ({type(error).__name__}: {''.join(words)[:500]})."
            " Save the model again and compare the file sizes.",
            field="file",
        ) from error


def _check_version(opened: Opened, trusted: bool) -> None:
    ours = sklearn.__version__
    if opened.saved_with and not trusted and opened.saved_with.split(".")[:2] != ours.split(".")[:2]:
        raise ValidationFailed(
            "library_version",
            f"The model was saved with scikit-learn {opened.saved_with}; this platform has {ours}, which does"
            f" not promise to read it. Fit it again with scikit-learn {ours}, or export it to ONNX.",
            field="file",
        )
