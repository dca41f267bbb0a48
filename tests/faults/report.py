"""Runs the fault suite and writes docs/reliability.md, with the figures beside it: `python -m tests.faults.report`.

Faults that are named are tried alone, and what was found is printed: the page tells of whole runs only. With `--keep`
it writes the page anew from the findings of a run.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults import book
from tests.faults.book import Finding
from tests.faults.criteria import CRITERIA

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
FIGURES = ROOT / "docs" / "reliability.json"
_BEGIN, _END = "<!-- written by the suite -->", "<!-- end -->"
_HEAD = (
    "| fault | what was done | load held: sent, answered per second | predictions failed | records lost, doubled "
    "(dropped and counted) | recovered after | criterion | verdict |"
)


def render(findings: list[Finding], *, machine: str, measured: dict[str, float]) -> str:
    """The part of the page that is measured, in Markdown."""
    by_name = {finding.fault: finding for finding in findings}
    lines = [_line(name, by_name.get(name)) for name in CRITERIA]
    met = sum(1 for finding in findings if finding.passed)
    capacity = f"{measured.get('capacity', 0):.0f} requests per second"
    return "\n".join(
        [
            f"{machine} Capacity {capacity}, base load {measured.get('rate', 0):.0f}. {met} of {len(CRITERIA)} met.",
            "",
            _HEAD,
            "|---|---|---|---|---|---|---|---|",
            *lines,
            "",
            *_notes(findings),
        ]
    )


def _line(name: str, finding: Finding | None) -> str:
    criterion = CRITERIA[name]
    if finding is None:
        return f"| {criterion.fault} | {criterion.done} | | | | | {criterion.text} | not tried |"
    recovered = "never" if finding.recovery_seconds is None else f"{finding.recovery_seconds:.1f} s"
    causes = ", ".join(f"{count} × {why}" for why, count in finding.failures.items())
    failed = f"{finding.failed} of {finding.sent}" + (f" ({causes})" if causes else "")
    verdict = "**met**" if finding.passed else f"not met: {'; '.join(finding.broken)}"
    return (
        f"| {criterion.fault} | {criterion.done} | {finding.sent_rate:.0f}, {finding.answered_rate:.0f} | {failed} "
        f"| {finding.lost}, {finding.doubled} ({finding.dropped}) | {recovered} | {criterion.text} | {verdict} |"
    ).replace("\n", " ")


def _notes(findings: list[Finding]) -> list[str]:
    told = [finding for finding in findings if finding.notes]
    return ["What was noted besides:", "", *(f"- {CRITERIA[one.fault].fault}: {'; '.join(one.notes)}." for one in told)]


def told(findings: list[Finding]) -> str:
    """The lines of some faults, and what was noted."""
    return "\n".join([_HEAD, *(_line(finding.fault, finding) for finding in findings), "", *_notes(findings)])


def machine() -> str:
    """What it was measured on, and how busy that was."""
    busy = os.getloadavg()[1]
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores ({platform.machine()}, Python "
        f"{platform.python_version()}), the load's own clients among them; mean number of running processes {busy:.1f}."
    )


def write(findings: list[Finding], *, machine: str, measured: dict[str, float]) -> None:
    """Replace what is measured on the page, and the figures beside it."""
    figures: dict[str, Any] = {"machine": machine, "measured": measured}
    figures["faults"] = [{**asdict(one), "passed": one.passed} for one in findings]
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    text = render(findings, machine=machine, measured=measured)
    PAGE.write_text(f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}")


def main() -> int:
    """Run, write, and tell by the exit status whether every criterion was met."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", metavar="DIRECTORY", help="only write the page, from the findings in there")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"only these: {', '.join(CRITERIA)}")
    given = parser.parse_args()
    if unknown := set(given.faults) - set(CRITERIA):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    place = Path(given.keep or tempfile.mkdtemp(prefix="faults-"))
    if not given.keep:
        line = [sys.executable, "-m", "pytest", "-q", "-m", "faults", "tests/faults"]
        environment = {**os.environ, "FAULTS_BOOK": str(place), "FAULTS_ONLY": " ".join(given.faults)}
        subprocess.run(line, cwd=ROOT, env=environment, check=False)
    findings, measured = book.read(place), book.read_measured(place)
    if given.faults:
        print(told(findings))  # noqa: T201 (what a choice is run for)
    else:
        write(findings, machine=machine(), measured=measured)
    wanted = given.faults or CRITERIA
    return 0 if len(findings) == len(wanted) and all(one.passed for one in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
