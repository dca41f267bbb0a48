"""The image: what is in it, who runs it, and that its build is the script that CI runs."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR


def stages() -> dict[str, list[str]]:
    """The instructions of each stage, by its name; continued lines are one."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            found[match[2]] = [line]
        elif line and not line.startswith("#"):
            list(found.values())[-1].append(line)
    return found


def inherited(name: str) -> list[str]:
    """A stage's instructions, after those of the stages it is built on."""
    lines = stages()[name]
    base = lines[0].split()[1]
    return [*(inherited(base) if base in stages() else []), *lines]


@pytest.mark.parametrize("name", ["platform", "torch"])
def test_what_runs_is_nobody_and_holds_neither_compiler_nor_source_of_the_build(name: str) -> None:
    lines = inherited(name)
    assert "USER 10001:10001" in lines
    assert lines[0].startswith("FROM python:3.11-slim")
    assert [line for line in lines if line.startswith("COPY") and "--from=build" not in line] == []
    assert not re.search(r"apt-get|gcc|build-essential|pip install", "\n".join(lines))
    assert any(line.startswith("HEALTHCHECK") and "/ready" in line for line in lines)
    assert "PRODUCTION=true" in next(line for line in lines if line.startswith("ENV"))


def test_the_default_has_no_torch_and_both_are_built_by_the_script_of_ci() -> None:
    names = list(stages())
    assert names[-1] == "platform", "the last one is what `docker build .` makes"
    builds = [line for line in (*stages()["build"], *stages()["build-torch"]) if line.startswith("RUN")]
    assert builds == [
        'RUN /src/deploy/build.sh /opt/mlplatform "$EXTRAS"',
        'RUN /src/deploy/build.sh /opt/mlplatform "$EXTRAS,torch"',
    ]
    assert "deploy/build.sh" in (ROOT / ".ci" / "run").read_text()
    assert "torch" not in "\n".join(stages()["build"])


def test_what_the_build_copies_is_there_and_not_ignored() -> None:
    script = (ROOT / "deploy" / "build.sh").read_text()
    parts = re.search(r"for part in (.+?); do", script, re.DOTALL)
    assert parts
    ignored = {line.strip("/") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    for part in parts[1].replace("\\", "").split():
        assert (ROOT / part).exists(), part
        assert part not in ignored
    assert {"deploy/secrets", ".env*", ".git"} <= ignored


def test_secrets_are_drawn_once_and_others_are_kept_out(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    for _ in range(2):
        subprocess.run([ROOT / "deploy" / "secrets.sh", directory], check=True, capture_output=True)
    drawn = {path.name: path.read_text() for path in directory.iterdir()}
    assert len(set(drawn.values())) == len(drawn) == 8
    assert all(len(value) >= 48 for value in drawn.values())
    assert drawn["postgres_password"] in drawn["database_url"]
    assert directory.stat().st_mode & 0o777 == 0o700
    before = drawn["secret_key"]
    subprocess.run([ROOT / "deploy" / "secrets.sh", directory], check=True, capture_output=True)
    assert (directory / "secret_key").read_text() == before
