"""What was measured, written down beside the verdict: one JSON file for each fault."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.criteria import CRITERIA

ORDER = list(CRITERIA)
_MEASURED = "measured.json"


@dataclass
class Finding:
    """One fault, tried. Rates are per second; `failed` counts predictions, `recovery_seconds` None: never."""

    fault: str
    sent_rate: float = 0.0
    answered_rate: float = 0.0
    sent: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    dropped: int = 0
    recovery_seconds: float | None = None
    p99_before_ms: float = 0.0
    p99_after_ms: float = 0.0
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.broken


def directory() -> Path | None:
    """Where findings are kept; None when this run keeps none."""
    place = os.environ.get("FAULTS_BOOK")
    return Path(place) if place else None


def keep(finding: Finding) -> None:
    """Write the finding down, if this run keeps a book."""
    place = directory()
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{finding.fault}.json").write_text(json.dumps({**asdict(finding), "passed": finding.passed}))


def read(place: Path) -> list[Finding]:
    """All findings, in the order of the criteria."""
    found = []
    for name in ORDER:
        path = place / f"{name}.json"
        if path.exists():
            values = json.loads(path.read_text())
            values.pop("passed")
            found.append(Finding(**values))
    return found


def keep_measured(**figures: float) -> None:
    """Write down what the base load was chosen by."""
    place = directory()
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
        (place / _MEASURED).write_text(json.dumps(figures))


def read_measured(place: Path) -> dict[str, float]:
    """Those figures."""
    path = place / _MEASURED
    return dict(json.loads(path.read_text())) if path.exists() else {}
