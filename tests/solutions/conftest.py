"""Solutions publish what they train; that the sandbox proves it is asked once for each file."""

import pytest


@pytest.fixture(autouse=True)
def proved_once(kept_verdicts: None) -> None:
    """`tests/inference/validation` is about the proofs themselves."""
