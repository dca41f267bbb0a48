"""One benchmark in progress: what is measured, how much is asked, and what was seen so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mlplatform.benchmark import cold_load, load, memory
from mlplatform.benchmark.load import Outcome
from mlplatform.benchmark.questions import Subject, questions
from mlplatform.benchmark.requirements import Promise, Requirements
from mlplatform.benchmark.target import Target

Section = tuple[dict[str, Any], list[Promise]]
Progress = Callable[[str, float], None]
"""Called with what is being measured and how far it is, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked."""

    load_runs: int = 5
    predictions: int = 100
    predictions_per_client: int = 20
    connections: int = 16
    seconds: float = 3.0


@dataclass(slots=True)
class Bench:
    """One benchmark in progress."""

    subjects: list[Subject]
    target: Target
    requirements: Requirements
    effort: Effort
    progress: Progress
    cold_runs: list[dict[str, Any]] = field(default_factory=list)
    peak_memory_mb: float = 0.0

    def ask(self, subject: Subject, what: str, *, use_cache: bool = False, **how: Any) -> Outcome:
        """Put a load of this subject's questions on the server."""
        label = f"{what} {subject.reference}"
        asked = questions(subject, self.target.address, self.target.key, use_cache=use_cache)
        found = load.run(self.target.address, asked, on_progress=partial(self.progress, label), **how)
        self.memory_mb()
        return found

    def memory_mb(self) -> float:
        """What the serving processes take now; remembers the most that was seen."""
        now = memory.proportional_mb(self.target.pids())
        self.peak_memory_mb = max(self.peak_memory_mb, now)
        return now

    def load_cold(self, runs: int) -> list[dict[str, Any]]:
        """At least `runs` loads of all subjects, each in a process of its own."""
        while len(self.cold_runs) < runs:
            self.progress("loading in a fresh process", len(self.cold_runs) / runs)
            self.cold_runs.append(cold_load.in_new_process([subject.version.pk for subject in self.subjects]))
        return self.cold_runs
