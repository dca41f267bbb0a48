"""What the image's build compiles is the platform still."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from deploy.compile import MODULES

ROOT = settings.BASE_DIR
PARTS = (
    "accounts",
    "registry",
    "monitoring",
    "inference",
    "solutions",
    "mlplatform",
    "templates",
    "static",
    "tests",
    "deploy",
)
FILES = ("manage.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")


def test_what_is_to_be_compiled_is_there() -> None:
    assert [module for module in MODULES if not (ROOT / module).is_file()] == []


@pytest.mark.slow
def test_compiled_it_answers_as_the_view_does(tmp_path: Path) -> None:
    """The doors, connections and validation, judged by their own tests; not by those that replace names in modules."""
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run([sys.executable, "deploy/compile.py", str(tmp_path)], cwd=ROOT, check=True)
    made = {str(path.relative_to(tmp_path)).partition(".")[0] + ".py" for path in tmp_path.glob("[!b]*/**/*.so")}
    assert made - {"inference/compiled__mypyc.py"} == set(MODULES)
    judges = (
        "tests/parity/test_parity.py",
        "tests/parity/test_mutations.py",
        "tests/mlplatform/server",
        "tests/inference/validation/test_sandbox.py",  # it may read little
        "tests/inference/validation/test_validate.py",
    )
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *judges]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
