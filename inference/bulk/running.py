"""Many parts at once: read here one after another, scored by whoever does that, kept in their order."""

import queue
from collections import deque
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
    """Who scores. `slots`: how many parts may be on their way, from reading to keeping, which bounds the memory."""

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
        self.slots = 4 * count  # so that no thread waits while this one waits for the disk
        self._scorer = scorer
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="scoring")

    def submit(self, part: Part, content: bytes) -> Pending:
        return self._pool.submit(self._scorer.score, part, content)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def run(path: Path, plan: Plan, wanted: Sequence[Part], crew: Crew, folder: Folder) -> Iterator[Finished]:
    """Score the wanted parts; yields each when its results are kept. Raises FileUnreadable and what the crew raises."""
    done: queue.SimpleQueue[Pending] = queue.SimpleQueue()
    awaited = deque(part.number for part in wanted)
    early: dict[int, Scored] = {}
    on_their_way = 0

    def keep() -> list[Finished]:
        """Wait for one part, and keep what is ready by then: in order, so that nothing need be put in order later."""
        waited = done.get().result()
        early[waited.number] = waited
        while not done.empty():
            other = done.get().result()
            early[other.number] = other
        ready = []
        while awaited and awaited[0] in early:
            ready.append(early.pop(awaited.popleft()))
        return folder.keep(ready) if ready else []

    try:
        for part, content in reading.contents(path, plan, wanted):
            while on_their_way >= crew.slots:
                kept = keep()
                on_their_way -= len(kept)
                yield from kept
            crew.submit(part, content).add_done_callback(done.put)
            on_their_way += 1
        while awaited:
            yield from keep()
    finally:
        crew.close()
