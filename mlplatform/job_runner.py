"""Runs the list of jobs: long ones in the main thread, where a signal can interrupt, short ones beside.

What waits for services outside has a thread of its own: a mail server that does not answer holds up nobody.
"""

import logging
import threading
import time
from collections.abc import Sequence

from django.db import close_old_connections, connections

from accounts import database, origin
from mlplatform import stopping
from mlplatform.jobs import Job

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.25
MAX_BACK_OFF_SECONDS = 60.0
MAX_BACK_OFF_WITHOUT_DATABASE_SECONDS = 4.0
HEARTBEAT_SECONDS = 60.0


class Lane:
    """Jobs that are run one after another, each when it is due. One thread runs one lane."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.did = {job.name: 0 for job in jobs}
        self.is_working = False
        self._due_at = {job.name: 0.0 for job in jobs}
        self._failures = {job.name: 0 for job in jobs}

    def tick(self) -> bool:
        """Run every job that is due once; True when one of them did something."""
        did_something = False
        for job in self.jobs:
            if self._due_at[job.name] <= time.monotonic():
                did_something |= self._run(job)
        return did_something

    def drain(self) -> int:
        """Run each job until it finds nothing to do; how many of them failed."""
        for job in self.jobs:
            while self._run(job):
                pass
        return sum(1 for failures in self._failures.values() if failures)

    def _run(self, job: Job) -> bool:
        """One bite. An error is logged and puts the job off, longer each time it comes again."""
        close_old_connections()
        self.is_working = True
        try:
            with origin.of_job(job.name):
                did_something = bool(job.work())
        except Exception as error:
            self._failures[job.name] += 1
            # A database that is away says nothing about the job, and all wait for its return.
            is_away = isinstance(error, database.AWAY)
            longest = MAX_BACK_OFF_WITHOUT_DATABASE_SECONDS if is_away else MAX_BACK_OFF_SECONDS
            delay = min(2.0 ** (self._failures[job.name] - 1), longest)
            log.exception("job failed: %s; it is tried again in %.0f s", job.name, delay)
            self._due_at[job.name] = time.monotonic() + delay
            return False
        finally:
            self.is_working = False
            close_old_connections()
        self._failures[job.name] = 0
        self.did[job.name] += did_something
        self._due_at[job.name] = time.monotonic() + (0.0 if did_something else job.every_seconds)
        return did_something


class Runner:
    """Three lanes and the signal that ends them."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.long = Lane([job for job in jobs if job.is_long])
        self.short = Lane([job for job in jobs if not job.is_long and not job.is_outside])
        self.outside = Lane([job for job in jobs if job.is_outside])
        # A plain flag: an event's lock could be held by the very thread whose signal handler wants to set it.
        self._is_stopping = False

    def run(self) -> None:
        """Run until SIGTERM or SIGINT. Must be called in the main thread."""
        beside = [
            threading.Thread(target=self._run_beside, args=(lane,), name=name)
            for lane, name in ((self.short, "short-jobs"), (self.outside, "outside-jobs"))
        ]
        with stopping.on_signal(self._stop):
            for thread in beside:
                thread.start()
            log.info("job runner started with %d jobs", sum(len(lane.jobs) for lane in self._lanes))
            try:
                while not self._is_stopping:
                    if not self.long.tick():
                        time.sleep(IDLE_SECONDS)
            except KeyboardInterrupt:
                log.info("a job was cut short; it will be taken up again")
            finally:
                self._is_stopping = True
                for thread in beside:
                    thread.join()
        log.info("job runner stopped")

    def run_once(self) -> int:
        """Run every job until it finds nothing more to do; how many jobs failed."""
        return sum(lane.drain() for lane in self._lanes)

    @property
    def _lanes(self) -> tuple[Lane, Lane, Lane]:
        return self.long, self.short, self.outside

    def _stop(self) -> None:
        """On a signal: begin nothing new, and cut short what takes long. A second signal changes nothing."""
        was_stopping, self._is_stopping = self._is_stopping, True
        if self.long.is_working and not was_stopping:
            raise KeyboardInterrupt

    def _run_beside(self, lane: Lane) -> None:
        try:
            beat_at = time.monotonic() + HEARTBEAT_SECONDS
            while not self._is_stopping:
                if not lane.tick():
                    time.sleep(IDLE_SECONDS)
                if lane is self.short and time.monotonic() >= beat_at:
                    did = {name: count for lane in self._lanes for name, count in lane.did.items()}
                    log.info("job runner is alive; done so far: %s", did)
                    beat_at = time.monotonic() + HEARTBEAT_SECONDS
        finally:
            connections.close_all()
