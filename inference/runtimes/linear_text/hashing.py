"""Terms without a vocabulary: each is hashed into one of a fixed number of buckets, as scikit-learn does it.

The hash is MurmurHash3 (32 bits, seed 0) of the term's UTF-8 form.
"""

MASK = 0xFFFFFFFF
FIRST, SECOND = 0xCC9E2D51, 0x1B873593
REMEMBERED = 50_000
LONGEST_REMEMBERED = 64


def murmur(data: bytes) -> int:
    """The signed 32-bit hash."""
    state = 0
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little") * FIRST & MASK
        block = ((block << 15 | block >> 17) & MASK) * SECOND & MASK
        state ^= block
        state = (state << 13 | state >> 19) & MASK
        state = (state * 5 + 0xE6546B64) & MASK
    if whole != len(data):
        block = int.from_bytes(data[whole:], "little") * FIRST & MASK
        state ^= ((block << 15 | block >> 17) & MASK) * SECOND & MASK
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & MASK
    state ^= state >> 16
    return state - (1 << 32) if state & 0x80000000 else state


class Buckets:
    """The bucket of a term, and its sign: `get` gives the bucket, or its complement for a negative sign.

    Remembers the short terms it has seen, up to a bound; then forgets all and begins again.
    """

    __slots__ = ("_count", "_known", "_signed")

    def __init__(self, count: int, signed: bool) -> None:
        self._count = count
        self._signed = signed
        self._known: dict[str, int] = {}

    def get(self, term: str) -> int:
        found = self._known.get(term)
        if found is None:
            found = self._bucket(term)
            if len(term) <= LONGEST_REMEMBERED:
                if len(self._known) >= REMEMBERED:
                    self._known = {}
                self._known[term] = found
        return found

    def _bucket(self, term: str) -> int:
        hashed = murmur(term.encode())
        bucket = abs(hashed) % self._count
        return ~bucket if self._signed and hashed < 0 else bucket
