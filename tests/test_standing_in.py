"""What a test replaces, it replaces for one module."""

import time

import pytest

from inference import records
from tests import patience
from tests.standing_in import stand_in


def test_one_module_finds_another_clock_and_all_others_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, records, "time", monotonic=lambda: -1.0)

    assert records.time.monotonic() == -1.0
    assert records.time.sleep is time.sleep
    assert time.monotonic() >= 0


@pytest.mark.parametrize("target", [(time, "monotonic"), ("inference.records.time.monotonic",), (records.time, "time")])
def test_the_standard_library_stays_as_it_is(target: tuple[object, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="stand_in"):
        monkeypatch.setattr(*target, lambda: 0.0)

    monkeypatch.setattr(patience, "SECONDS", 0.0)
    assert patience.SECONDS == 0.0
