"""One fault, tried under load: before, during, after, and the three gates."""

import time
from collections import Counter
from types import TracebackType
from typing import Self

from tests.faults import book, gates
from tests.faults.criteria import CRITERIA, THREADS
from tests.faults.history import Seen, Switch, violations
from tests.faults.load import MIX, Exchange, Load, failure, quantile
from tests.faults.platform import Platform

BEFORE_SECONDS = 3.0
AFTER_SECONDS = 4.0
PROPAGATION_SECONDS = 1.0
_SETTLED = 1.2
_LAST_SECONDS = 3.0
_NOISE_MS = 250.0
_PUNCTUAL_SECONDS = 0.25


class Trial:
    """`with Trial(platform, "worker-kill") as trial:` runs the load; the fault is what happens inside.

    `begin` and `end` mark the fault; `require` adds to the verdict; leaving the block waits for the recovery, passes
    the gates and writes the finding down. It raises when the criterion was not met.
    """

    def __init__(
        self, platform: Platform, fault: str, *, mix: tuple[str, ...] = MIX, rate: float = 0.0, gap: bool = False
    ) -> None:
        """`gap`: the platform itself is away for a while; what is asked meanwhile is no one's failure."""
        self.platform, self.criterion = platform, CRITERIA[fault]
        self.finding = book.Finding(fault)
        self.load = Load(platform.target(), rate=rate or platform.rate, mix=mix)
        self.switches: dict[str, list[Switch]] = {}
        self.conservation_seconds = 60.0
        self._gap = gap
        self._began = self._ended = 0.0
        self._may_fail = 0

    def __enter__(self) -> Self:
        self._before = gates.snapshot(self.platform.stack)
        self._dropped_before = self.platform.dropped()
        self.load.__enter__()
        time.sleep(BEFORE_SECONDS)
        self.begin()
        return self

    def begin(self) -> None:
        """The fault begins now."""
        self._began = time.monotonic()

    def end(self) -> None:
        """The fault has ended."""
        self._ended = time.monotonic()

    def allow_in_flight(self) -> None:
        """A process is killed now: what is on its way may fail, and what leaves in this very moment."""
        self._may_fail += self.load.in_flight + THREADS

    def require(self, what: str, holds: bool) -> None:
        """Part of the criterion beside the failures."""
        if not holds:
            self.finding.broken.append(what)

    def note(self, text: str) -> None:
        """A figure for the table."""
        self.finding.notes.append(text)

    def during(self) -> list[Exchange]:
        """What was asked since the fault began."""
        return self.load.between(self._began, time.monotonic())

    def renew(self) -> None:
        """Go on with a new load: the one before was stopped because there was nobody to ask."""
        before = self.load
        before.stop()
        self.load = Load(self.platform.target(), rate=before.rate, mix=before.mix)
        self.load.exchanges, self.load.behind_seconds = before.exchanges, before.behind_seconds
        self.load.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            self.load.stop()
            self.platform.heal()
            self.finding.broken.append(f"the trial broke off: {type(error).__name__}: {str(error)[:200]}")
            book.keep(self.finding)
            return
        if not self._ended:
            self.end()
        time.sleep(max(AFTER_SECONDS, self.criterion.recovery_seconds))
        self.load.stop()
        self._judge_load()
        self._judge_history()
        self._pass_gates()
        book.keep(self.finding)
        assert self.finding.passed, self.finding

    # -- Judging --------------------------------------------------------------------------------------

    def _judge_load(self) -> None:
        finding, criterion = self.finding, self.criterion
        settled_at = self._ended + criterion.recovery_seconds
        everything = [(one, failure(one, self.load.target)) for one in self.load.exchanges]
        # What was on its way when the fault began is the fault's, too.
        window = [(one, why) for one, why in everything if self._began <= one.ended and one.began < settled_at]
        judged = [(one, why) for one, why in window if one.is_prediction]
        failed = [why for _, why in judged if why]
        seconds = max(settled_at - self._began, 0.001)
        finding.sent, finding.sent_rate = len(window), len(window) / seconds
        finding.answered_rate = sum(1 for _, why in window if not why) / seconds
        finding.failed, finding.failures = len(failed), dict(Counter(why for _, why in window if why).most_common(6))
        most = max(self._may_fail, criterion.count, int(criterion.share * len(judged)))
        if not self._gap:
            self.require(f"{len(failed)} predictions failed, {most} may", len(failed) <= most)
        if self.load.behind_seconds > _PUNCTUAL_SECONDS:
            self.note(f"the load itself was up to {self.load.behind_seconds:.1f} s behind: the machine was judged, too")
        wrong = sum(1 for _, why in everything if why == "wrong value")
        self.require(f"{wrong} wrong values", wrong == 0)
        if not criterion.reads_may_fail:
            reads = [why for one, why in window if not one.is_prediction and why]
            self.require(f"{len(reads)} admin reads failed", len(reads) <= most)
        before = Counter(why for one, why in everything if why and one.ended < self._began)
        self.require(f"the load failed before the fault: {dict(before)}", not before)
        self._judge_recovery(everything)

    def _judge_recovery(self, everything: list[tuple[Exchange, str]]) -> None:
        finding, allowed = self.finding, self.criterion.recovery_seconds
        late = [one.began for one, why in everything if why and one.began >= self._ended]
        took = max(late) - self._ended if late else 0.0
        tail = [one for one, _ in everything if one.began > max([self._ended, *late])]
        finding.p99_before_ms = round(quantile([one for one, _ in everything if one.began < self._began], 0.99), 1)
        finding.p99_after_ms = round(quantile(tail[-max(50, int(_LAST_SECONDS * self.load.rate)) :], 0.99), 1)
        finding.recovery_seconds = round(took, 2) if len(tail) >= self.load.rate * 0.5 else None
        self.require(f"not as before after {allowed:g} s", finding.recovery_seconds is not None and took <= allowed)
        self.require(
            f"the p99 stayed at {finding.p99_after_ms} ms, it was {finding.p99_before_ms} ms",
            finding.p99_after_ms <= _SETTLED * finding.p99_before_ms + _NOISE_MS,
        )

    def _judge_history(self) -> None:
        for model, switches in self.switches.items():
            seen = [
                Seen(one.version, one.began, one.ended)
                for one in self.load.exchanges
                if one.status == 200 and one.is_prediction and one.model == model
            ]
            wrong = violations(switches, seen, bound=PROPAGATION_SECONDS)
            self.require(f"{len(wrong)} answers of versions of {model} that were not live", not wrong)

    def _pass_gates(self) -> None:
        stack, finding = self.platform.stack, self.finding
        finding.lost, finding.doubled, finding.dropped = gates.conservation(
            stack,
            self.load.exchanges,
            # A restart of the server forgets what was counted before it.
            dropped=lambda: max(0, self.platform.dropped() - self._dropped_before),
            within=self.conservation_seconds,
        )
        self.require(f"{finding.lost} records lost", finding.lost == 0)
        self.require(f"{finding.doubled} records doubled", finding.doubled == 0)
        for more in gates.left_behind(self._before, lambda: gates.snapshot(stack), within=15.0):
            self.require(f"left behind: {more}", False)
