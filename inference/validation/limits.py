"""How much a validation may cost, and the failure codes that are part of the public contract."""

from dataclasses import dataclass
from typing import Any

MEBIBYTE = 1 << 20
FAILURE_CODES = frozenset(
    {
        "crashed",
        "empty",
        "expected_mismatch",
        "library_version",
        "memory_limit",
        "missing_library",
        "no_predict",
        "not_compilable",
        "onnx_external_data",
        "onnx_invalid",
        "output_too_large",
        "parity_failed",
        "pickle_forbidden_global",
        "pickle_forbidden_opcode",
        "sample_invalid",
        "sandbox_unavailable",
        "schema_mismatch",
        "timed_out",
        "trailing_data",
        "unknown_format",
        "unreadable",
        "unsupported_op",
        "untrusted_type",
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for each of the two sandbox runs."""

    wall_seconds: float = 300.0
    cpu_seconds: int = 240
    memory_bytes: int = 4096 * MEBIBYTE
    output_bytes: int = 1024 * MEBIBYTE


def plain_text(value: Any, limit: int) -> str:
    """A stranger's text as it may be shown: printable, on few lines, bounded."""
    text = value if isinstance(value, str) else ""
    kept = "".join(c if c.isprintable() or c == "\n" else " " for c in text[: 2 * limit])
    return kept.encode(errors="replace").decode()[:limit]


GOLDEN_ROWS, MAX_GOLDEN_ROWS = 8, 100


def golden_count(sample_rows: int) -> int:
    """How many rows are kept with their answers: what the uploader gave comes first, up to MAX_GOLDEN_ROWS of it."""
    return max(GOLDEN_ROWS, min(sample_rows, MAX_GOLDEN_ROWS))
