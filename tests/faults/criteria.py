"""What each fault must not do, fixed before it is tried."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Criterion:
    """One line of the table. Predictions may fail up to `share` of those asked from the fault's begin to its end, or
    up to `count`; all is as before `recovery_seconds` after its end. `also`: what the test asks besides."""

    fault: str
    done: str
    share: float = 0.0
    count: int = 0
    recovery_seconds: float = 5.0
    reads_may_fail: bool = False
    in_flight: bool = False
    also: str = ""

    @property
    def text(self) -> str:
        """The criterion in words."""
        limit = f"≤ {self.share:.1%} of the predictions fail" if self.share else f"≤ {self.count} predictions fail"
        if self.in_flight:
            limit = "only what is in flight at the kill fails"
        limit = limit if self.share or self.count or self.in_flight else "no prediction fails"
        limit = limit if self.share < 1 else "failures only as said here"
        return f"{limit}; as before within {self.recovery_seconds:g} s" + (f"; {self.also}" if self.also else "")


THREADS = 4
CRITERIA: dict[str, Criterion] = {
    "worker-kill": Criterion(
        "a serving process is killed", "kill -9 of a random worker, 6 times in 15 s", in_flight=True,
        also="each is replaced",
    ),
    "jobs-kill": Criterion(
        "the job runner is killed", "kill -9 twice, each time while it validates", also="the uploads become ready, none twice"
    ),
    "postgres-stopped": Criterion(
        "PostgreSQL is stopped", "shut down for 30 s, then started", share=0.01, reads_may_fail=True, recovery_seconds=10.0,
        also="a stranger's key is answered 503 within 1 s; records are loaded within 60 s",
    ),
    "postgres-black-hole": Criterion(
        "PostgreSQL is cut off", "30 s in which bytes are swallowed, then all connections are reset", share=0.01,
        reads_may_fail=True, recovery_seconds=10.0,
        also="once it is noticed a stranger's key is answered 503 within 1 s; records are loaded within 60 s",
    ),
    "redis-stopped": Criterion("Redis is stopped", "connections refused for 10 s"),
    "redis-slow": Criterion("Redis is slow", "each of its answers comes 5 s late, for 10 s"),
    "redis-flushed": Criterion("Redis is emptied", "FLUSHALL, 5 times in 5 s"),
    "redis-garbage": Criterion(
        "Redis holds garbage", "every key overwritten with bytes, pickles, wrong types, torn JSON, 5 times in 5 s"
    ),
    "artifact-deleted": Criterion(
        "the file of what is live is deleted", "deleted, then a worker killed, then put back", share=1.0,
        recovery_seconds=20.0, also="no failure before the kill; then only the new process refuses, with the cause, and only this model; the scrubber raises the alarm within 60 s",
    ),
    "artifact-corrupted": Criterion(
        "the file of what is live is damaged", "one bit flipped, then a worker killed, then mended", share=1.0,
        recovery_seconds=20.0, also="no failure before the kill; then only the new process refuses, with the cause, and only this model; the scrubber raises the alarm within 60 s",
    ),
    "candidate-crashes": Criterion(
        "a candidate kills the process that loads it", "an upload whose opening ends its process",
        also="the version fails with a reason; the next upload becomes ready",
    ),
    "candidate-hangs": Criterion(
        "a candidate never ends loading", "an upload whose opening sleeps", also="the version fails with a reason; the next upload becomes ready"
    ),
    "disk-full": Criterion(
        "the disk is full", "the file system of everything the platform writes filled for 10 s, with 5 uploads",
        recovery_seconds=10.0, reads_may_fail=True,
        also="each upload is answered 507 and leaves nothing; what is dropped is counted; the next upload becomes ready",
    ),
    "drain": Criterion(
        "the server is told to stop", "SIGTERM with 20 slow requests in flight, then a new start",
        recovery_seconds=30.0, also="each of the 20 is answered, 503 only where too many were slow at once; it ends with 0 within 40 s",
    ),
    "switches": Criterion(
        "100 switches", "three versions made live in turn", also="no answer of a version that was not live; the ledger is in order"
    ),
    "herd": Criterion(
        "200 first requests at once", "for a model that is in no process's memory", count=200,
        also="no wrong answer, each process loads it once, those not answered get 503 with Retry-After",
    ),
    "overload": Criterion(
        "three times the capacity", "for 15 s, one process, a model that takes two rows each 50 ms", share=1.0, reads_may_fail=True,
        also="≥ 90 % of the capacity is answered in time; excess gets 503 or 429 in a tenth of the time of an answer (medians); nobody waits 2 s; no quick prediction is refused; /health answers throughout",
    ),
    "two-admins": Criterion(
        "two administrators activate at once", "20 pairs of activations of different versions in the same moment",
        also="each pair ends with what the ledger says; who loses is told 409; no answer of a version that was not live",
    ),
    "migration": Criterion(
        "a kill in the middle of the migrations", "migrate killed with -9 six times on an empty database, then run again",
        also="the last run ends well and nothing is missing",
    ),
    "start-without-postgres": Criterion(
        "a start without PostgreSQL", "the server is started while PostgreSQL is away, for 8 s", recovery_seconds=10.0, reads_may_fail=True,
        share=1.0, also="the process lives, /health 200, /ready 503, all well without a hand afterwards",
    ),
    "start-without-redis": Criterion(
        "a start without Redis", "the server is started while Redis refuses", also="/ready 200 and predictions are answered"
    ),
    "master-kill": Criterion(
        "the server's master is killed", "kill -9, then a new start", share=1.0, reads_may_fail=True, recovery_seconds=30.0,
        also="its workers end within 10 s; the next start is clean",
    ),
}  # fmt: skip
