"""Durable prediction records: appended to a file before the answer is given, loaded into the database behind
it.

`append` is for the hot path. `ship_once` and `take_over` load, called by a serving process's `Shipper` or, where it
runs, by the host's `Loader`. `pending` and `facts` tell how it goes.
"""

from monitoring.spool.backlog import pending
from monitoring.spool.counters import counters
from monitoring.spool.errors import SpoolFull, SpoolWriteFailed
from monitoring.spool.loader import Loader
from monitoring.spool.shipper import Shipper
from monitoring.spool.shipping import ship_once, take_over, take_over_unattended
from monitoring.spool.writer import MAX_PART_BYTES, append

facts = counters.as_facts

__all__ = [
    "MAX_PART_BYTES",
    "Loader",
    "Shipper",
    "SpoolFull",
    "SpoolWriteFailed",
    "append",
    "facts",
    "pending",
    "ship_once",
    "take_over",
    "take_over_unattended",
]
