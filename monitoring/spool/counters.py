"""What this process's spool has done, for the facts it publishes."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Counts since the process began."""

    dropped: int = 0  # Records given up because the spool was full.
    shortened: int = 0  # Records without input and output, because the spool was nearly full.
    stripped: int = 0  # Records whose input or output could not be written as JSON and was left out.
    shipped: int = 0  # Records loaded into the database by this process.
    repeated: int = 0  # Records that were in the database already; counted once.
    rejected: int = 0  # Records the database can't hold, moved to the rejected file.
    torn: int = 0  # Half-written records of killed processes; never acknowledged, dropped.

    def as_facts(self) -> dict[str, int]:
        return asdict(self)


counters = Counters()
