"""Parts of pages that programs write: what stands between two marks is replaced, the rest is people's."""

import os
import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
FOLDER = ROOT / "docs" / "performance"


class MarkMissing(Exception):
    """The page has no place for this part."""


def replace_part(text: str, name: str, content: str) -> str:
    """`text` with `content` between the marks of the part `name`. Raises MarkMissing."""
    begin, end = f"<!-- {name}: written by a program -->", f"<!-- /{name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise MarkMissing(f"The page has no part {name!r}.")
    return f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"


def write_part(page: Path, name: str, content: str) -> None:
    page.write_text(replace_part(page.read_text(), name, content))


def machine() -> str:
    """The machine in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
    parts = [f"{os.cpu_count()} CPUs", processor or platform.machine(), f"{kilobytes / 1024**2:.0f} GiB"]
    return ", ".join([*parts, f"Linux {platform.release().split('-')[0]}", f"Python {platform.python_version()}"])


def default_data() -> Path:
    """Where the benchmarks keep models, environments, logs and installations."""
    return Path(os.environ.get("VAR_DIR") or ROOT / "var") / "benchmarks"
