"""Many parts at once: read here one after another, scored by whoever does that, kept as they come back."""

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from inference.bulk import reading
from inference.bulk.files import Part, Plan
from inference.bulk.folder import Finished, Folder
from inference.bulk.scoring import Scored, Scorer


class Pending(Protocol):
    """A part that is being scored."""

    def result(self) -> Scored: ...
    def add_done_callback(self, call: Any) -> Any: ...


class Crew(Protocol):
    """Who scores. `slots`: how many parts may be handed over at once, which bounds what is held in memory."""

    slots: int

    def submit(self, part: Part, content: bytes) -> Pending:
        """Begin with a part."""
        ...

    def close(self) -> None:
        """Begin nothing more, and let go."""
        ...


class Threads:
    """Scores in this process. Parsing, running and most of writing let other threads run meanwhile."""

    def __init__(self, scorer: Scorer, count: int) -> None:
        self.slots = count + 1  # one waits, so that no thread does
        self._scorer = scorer
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="scoring")

    def submit(self, part: Part, content: bytes) -> Pending:
        return self._pool.submit(self._scorer.score, part, content)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def run(path: Path, plan: Plan, wanted: Sequence[Part], crew: Crew, folder: Folder) -> Iterator[Finished]:
    """Score the wanted parts; yields each when its results are kept. Raises FileUnreadable and what the crew raises."""
    done: queue.SimpleQueue[Pending] = queue.SimpleQueue()
    running = 0
    try:
        for part, content in reading.contents(path, plan, wanted):
            while running >= crew.slots:
                yield folder.keep(done.get().result())
                running -= 1
            crew.submit(part, content).add_done_callback(done.put)
            running += 1
        while running:
            yield folder.keep(done.get().result())
            running -= 1
    finally:
        crew.close()
