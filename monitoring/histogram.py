"""Latency histograms that can be added up, and percentiles read from them.

Bucket bounds grow by the eighth root of two: bucket 0 holds latencies up to 0.01 ms, bucket k (1 to 184)
those in (0.01 * 2**((k-1)/8), 0.01 * 2**(k/8)] ms, and bucket 185 everything above 83,886 ms. A percentile is
answered with the geometric middle of its bucket, so it lies within 4.5 % of the exact nearest-rank percentile
as long as that is between 0.01 and 83,886 ms; smaller and larger ones are answered with those two bounds.

Packed, a histogram is text: eight letters of base64 for each bucket in use, its number (one byte) and its count (five).
Packed histograms one after another are their sum, so a database adds them up by joining them.

As JSON a histogram of anything is one array, cut to the buckets in use: `[first, count, count, ...]`, where `first` is
the number of the bucket the first count belongs to; an empty histogram is `[]`.
"""

import math
from binascii import a2b_base64, b2a_base64
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from struct import iter_unpack

SMALLEST_MS = 0.01
PER_DOUBLING = 8
DOUBLINGS = 23
BOUNDS = [SMALLEST_MS * 2 ** (step / PER_DOUBLING) for step in range(DOUBLINGS * PER_DOUBLING + 1)]
BUCKETS = len(BOUNDS) + 1
MAX_RELATIVE_ERROR = 0.045
_ENTRY_BYTES = 6
_ENTRY = [("bucket", "u1"), ("high", "u1"), ("low", ">u4")]
# Text from which on numpy is faster than a loop.
_MUCH = 2_000


def bucket_of(latency_ms: float) -> int:
    """The number of the bucket that holds `latency_ms`."""
    return bisect_left(BOUNDS, latency_ms)


def counted(latencies_ms: Iterable[float]) -> dict[int, int]:
    """Bucket number to how many of the latencies it holds."""
    return Counter(map(bisect_left, repeat(BOUNDS), latencies_ms))


def unpacked(text: str) -> dict[int, int]:
    """Bucket number to count of a packed histogram, or of several that stand one after another together."""
    if len(text) >= _MUCH:
        return _many_unpacked(text)
    counts: dict[int, int] = {}
    for bucket, high, low in iter_unpack(">BBI", a2b_base64(text)):
        counts[bucket] = counts.get(bucket, 0) + (high << 32) + low
    return counts


def added(texts: Sequence[str], changes: Sequence[Mapping[int, int]]) -> list[str]:
    """Packed histograms, each with what is to be added to it (bucket number to count): all of them at once."""
    import numpy as np

    held = [a2b_base64(text) for text in texts]
    entries = np.frombuffer(b"".join(held), dtype=_ENTRY)
    rows = np.arange(len(texts))
    counts = np.zeros((len(texts), BUCKETS), dtype=np.int64)
    own = np.repeat(rows, [len(some) // _ENTRY_BYTES for some in held])
    np.add.at(counts, (own, entries["bucket"]), entries["high"].astype(np.int64) << 32 | entries["low"])
    new = np.repeat(rows, [len(change) for change in changes])
    buckets = np.fromiter(chain.from_iterable(changes), dtype=np.int64)
    counts[new, buckets] += np.fromiter(chain.from_iterable(change.values() for change in changes), dtype=np.int64)
    own, buckets = counts.nonzero()
    sums = counts[own, buckets]
    entries = np.empty(len(sums), dtype=_ENTRY)
    entries["bucket"], entries["high"], entries["low"] = buckets, sums >> 32, sums & 0xFFFFFFFF
    ends = (np.searchsorted(own, rows, side="right") * _ENTRY_BYTES).tolist()
    data = entries.tobytes()
    return [b2a_base64(data[start:end], newline=False).decode() for start, end in zip([0, *ends], ends, strict=False)]


def _many_unpacked(text: str) -> dict[int, int]:
    import numpy as np

    entries = np.frombuffer(a2b_base64(text), dtype=_ENTRY)
    # Floats count exactly up to 2**53.
    weights = entries["high"] * 2.0**32 + entries["low"]
    sums = np.bincount(entries["bucket"], weights=weights)
    return {bucket: int(count) for bucket, count in enumerate(sums.tolist()) if count}


def from_counts(counts: dict[int, int]) -> list[int]:
    """The JSON array for `counts`, bucket number to count."""
    if not counts:
        return []
    first, last = min(counts), max(counts)
    array = [0] * (last - first + 2)
    array[0] = first
    for bucket, count in counts.items():
        array[bucket - first + 1] = count
    return array


def add(counts: dict[int, int], histogram: Sequence[int]) -> None:
    """Add a JSON histogram to `counts` (bucket number to count) in place."""
    if not histogram:
        return
    first = histogram[0]
    for position in range(1, len(histogram)):
        count = histogram[position]
        if count:
            bucket = first + position - 1
            counts[bucket] = counts.get(bucket, 0) + count


def merge(counts: dict[int, int], others: dict[int, int]) -> None:
    """Add `others` to `counts` in place."""
    for bucket, count in others.items():
        counts[bucket] = counts.get(bucket, 0) + count


def percentile(counts: dict[int, int], share: float) -> float | None:
    """The latency in ms that `share` (0 to 1) of the requests don't exceed; None when nothing was counted."""
    return percentiles(counts, (share,))[0]


def percentiles(counts: dict[int, int], shares: Sequence[float]) -> list[float | None]:
    """`percentile` for each of `shares`, which must be in ascending order."""
    total = sum(counts.values())
    if not total:
        return [None] * len(shares)
    found: list[float | None] = []
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        while len(found) < len(shares) and seen >= max(1, math.ceil(shares[len(found)] * total)):
            found.append(middle(bucket))
    return found


def middle(bucket: int) -> float:
    """The latency in ms by which a bucket answers."""
    if bucket <= 0:
        return BOUNDS[0]
    if bucket >= len(BOUNDS):
        return BOUNDS[-1]
    return math.sqrt(BOUNDS[bucket - 1] * BOUNDS[bucket])
