"""An installation that was migrated once, for every platform of the tests to begin as a copy of."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the secrets seal, the database keeps: both or neither is copied.
COPIED = ("db.sqlite3", "secret_key", "jwt_signing_key", "api_key_pepper", "artifact_seal_key")
MAKING = """
from django.core.management import call_command
from accounts.models import User
call_command("migrate", verbosity=0)
User.objects.create_superuser("root@example.org", "horse battery")
call_command("createapikey", "root@example.org", "--name", "tests",
             "--scope", "predict", "--scope", "read", "--scope", "upload", "--scope", "activate")
"""


@dataclass(frozen=True)
class Prepared:
    """One superuser and her key. With `database_url` the rows are there, else in the directory."""

    directory: Path
    key: str
    database_url: str = ""

    def copy_to(self, directory: Path) -> None:
        """The files of the installation; a database that isn't one of them is copied by who knows it."""
        directory.mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            if (self.directory / name).exists():
                shutil.copy2(self.directory / name, directory / name)


def prepare(directory: Path, environment: dict[str, str], database_url: str = "") -> Prepared:
    """Migrate a database, if it is not yet, by a process as an operator would, in `directory` or at `database_url`."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", MAKING],
        cwd=ROOT,
        env={**environment, "VAR_DIR": str(directory), **({"DATABASE_URL": database_url} if database_url else {})},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Prepared(directory, done.stdout.split()[-1], database_url)
