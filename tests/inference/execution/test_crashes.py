import subprocess
import sys
from pathlib import Path

import pytest

from inference import process, strikes
from inference.execution import crashes
from inference.models import Strike

CHILD = Path(__file__).parent / "crashing_child.py"
ROOT = Path(__file__).parents[3]


def end_as(how, var_dir):
    subprocess.run([sys.executable, CHILD, var_dir, how], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    accused = []
    looked_at = crashes.collect(lambda version_id, what: accused.append((version_id, what)))
    return accused, looked_at


def test_the_version_whose_thread_broke_is_accused_once_and_no_other(var_dir):
    assert end_as("segv", var_dir) == ([(42, "a process crashed in it: Segmentation fault")], 1)
    assert crashes.collect(lambda *_: pytest.fail("accused again")) == 0
    assert list((var_dir / "crashes").iterdir()) == []


@pytest.mark.parametrize(("how", "looked_at"), [("kill", 1), ("stop", 0)])
def test_a_process_that_was_killed_or_ended_accuses_nobody(var_dir, how, looked_at):
    assert end_as(how, var_dir) == ([], looked_at)


@pytest.mark.django_db(transaction=True)
def test_a_crash_is_a_strike(var_dir, served_version, monkeypatch):
    version = served_version()
    monkeypatch.setattr(crashes, "collect", lambda accuse: accuse(version.pk, "a process crashed in it"))
    strikes.collect_crashes()
    assert Strike.objects.get().kind == "crash"


@pytest.mark.django_db(transaction=True)
def test_the_notes_of_a_living_process_are_left_alone(var_dir):
    process.start()
    try:
        crashes.enter(42)
        assert crashes.collect(lambda *_: pytest.fail("accused")) == 0
        assert len(list((var_dir / "crashes").glob("*.notes"))) == 1
    finally:
        process.stop()
    assert list((var_dir / "crashes").iterdir()) == []
