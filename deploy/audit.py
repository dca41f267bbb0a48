"""Asks whether anything known is wrong with what constraints.txt pins: `python -m deploy.audit`.

Exit 1: something is. Exit 0: nothing, or nobody could be asked, which is said aloud; with STRICT=1 that is exit 2.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PINS = Path(__file__).resolve().parents[1] / "constraints.txt"


def verdict(report: dict[str, Any] | None, *, is_strict: bool) -> tuple[int, list[str]]:
    """The exit status, and what to say. `report` is pip-audit's, None when it made none."""
    if report is None or all("skip_reason" in each for each in report["dependencies"]):
        said = "NOT AUDITED: the database of advisories could not be asked. Nothing is known about these versions."
        return (2 if is_strict else 0), [said]
    asked = [each for each in report["dependencies"] if "skip_reason" not in each]
    skipped = [each["name"] for each in report["dependencies"] if "skip_reason" in each]
    found = [
        f"{each['name']} {each['version']}: {advisory['id']}"
        f" (mended in {', '.join(advisory['fix_versions']) or 'no release yet'})"
        for each in asked
        for advisory in each["vulns"]
    ]
    said = [*found, f"{len(asked)} packages audited, {len(found)} advisories."]
    if skipped:
        said.append(f"Not audited: {', '.join(skipped)}.")
    return int(bool(found)), said


def ask() -> dict[str, Any] | None:
    """pip-audit's report on the pins; None when it could not ask."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        line = [sys.executable, "-m", "pip_audit", "--requirement", str(PINS), "--no-deps", "--disable-pip"]
        line += ["--progress-spinner", "off", "--timeout", "10", "--format", "json", "--output", str(report)]
        done = subprocess.run(line, capture_output=True, text=True)  # noqa: S603 (our own arguments)
        if not report.exists() or not report.read_text().strip():
            sys.stderr.write(done.stderr[-600:])
            return None
        found: dict[str, Any] = json.loads(report.read_text())
        return found


def main() -> int:
    status, said = verdict(ask(), is_strict=os.environ.get("STRICT") == "1")
    sys.stdout.write("\n".join(said) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
