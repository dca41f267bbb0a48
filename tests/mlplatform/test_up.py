"""The one command: its children, its access file, and what it says when it can't start."""

import contextlib
import io
import os
import runpy
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts import credentials, services
from accounts.models import ApiKey, User
from inference import process
from mlplatform import demo_access, supervisor
from mlplatform.management.commands import serve, up
from mlplatform.supervisor import Child, GaveUp

URL = "http://127.0.0.1:8000"


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie doesn't)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    """Makes children from Python code; none outlives the test."""
    made: list[Child] = []

    def make(code: str) -> Child:
        made.append(Child("toy", python(code), log=tmp_path / "toy.log"))
        return made[-1]

    yield make
    for each in made:
        each.wait_until_stopped(0.0)


# -- Children ---------------------------------------------------------------------------------------------


def test_a_child_writes_into_its_log_and_its_status_is_known(child: Any) -> None:
    toy = child("import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)")
    toy.start()

    assert wait_until(lambda: toy.ended() is not None)
    assert toy.ended() == 3
    assert set(toy.last_lines().splitlines()) == {"one", "two"}


def test_a_child_lives_in_a_process_group_of_its_own(child: Any) -> None:
    toy = child("import time; time.sleep(60)")
    toy.start()

    assert os.getpgid(toy.pid) == toy.pid != os.getpgrp()


def test_stopping_is_graceful_first(child: Any) -> None:
    toy = child(
        "import signal, sys, time\n"
        "signal.signal(15, lambda *_: (print('bye', flush=True), sys.exit(0)))\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    toy.start()
    assert wait_until(lambda: "up" in toy.last_lines())

    toy.ask_to_stop()
    toy.wait_until_stopped(60.0)

    assert (toy.ended(), toy.last_lines().splitlines()) == (0, ["up", "bye"])


def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(child: Any) -> None:
    toy = child(
        "import signal, subprocess, sys, time\nsignal.signal(15, signal.SIG_IGN)\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(grandchild.pid, flush=True)\ntime.sleep(60)"
    )
    toy.start()
    assert wait_until(lambda: toy.last_lines().strip().isdigit())
    grandchild = int(toy.last_lines())

    toy.ask_to_stop()
    toy.wait_until_stopped(0.2)

    assert toy.ended() == -signal.SIGKILL
    assert wait_until(lambda: not is_alive(grandchild))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "from mlplatform.supervisor import Child\nimport sys, time\n"
        "toy = Child('toy', [sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "toy.start()\nprint(toy.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()

    assert wait_until(lambda: not is_alive(pid))


def test_a_child_that_dies_is_reported_and_started_again(child: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    toy = child(
        f"import pathlib, sys, time\np = pathlib.Path({str(mark)!r})\n"
        "if not p.exists(): p.touch(); sys.exit(7)\n"
        "time.sleep(60)"
    )
    lines: list[str] = []
    toy.start()
    first = toy.pid

    def is_back() -> bool:
        toy.keep_alive(lines.append)
        return toy.pid != first

    assert wait_until(is_back)
    assert toy.ended() is None
    assert lines == ["The toy ended with status 7; it is started again in 1 s."]


def test_a_child_that_dies_again_and_again_is_given_up(child: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MAX_QUICK_DEATHS", 2)
    toy = child("import sys; print('no database'); sys.exit(1)")
    toy.start()

    def keep_alive() -> bool:
        toy.keep_alive(lambda line: None)
        return False

    with pytest.raises(GaveUp, match="died 2 times"):
        wait_until(keep_alive)
    assert "no database" in toy.last_lines()


# -- Access -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_first_run_makes_an_administrator_and_a_key_that_work(tmp_path: Path) -> None:
    access = demo_access.prepare(file=tmp_path / "demo.env", url=URL)

    admin = User.objects.get(email=access.email)
    principal = credentials.authenticate(api_key=access.api_key)
    assert admin.is_superuser
    assert admin.check_password(access.password)
    assert principal is not None
    assert principal.user_id == admin.pk
    assert {scope for scope in ("predict", "read", "upload", "activate", "admin") if principal.may(scope)} == {
        "predict",
        "read",
        "upload",
        "activate",
    }


@pytest.mark.django_db
def test_the_file_holds_four_lines_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    access = demo_access.prepare(file=tmp_path / "demo.env", url=URL)

    assert (tmp_path / "demo.env").read_text().splitlines() == [
        f"URL={URL}",
        f"ADMIN_EMAIL={access.email}",
        f"ADMIN_PASSWORD={access.password}",
        f"API_KEY={access.api_key}",
    ]
    assert stat.S_IMODE((tmp_path / "demo.env").stat().st_mode) == 0o600
    assert access.password not in repr(access)
    assert access.api_key not in repr(access)


@pytest.mark.django_db
def test_a_second_run_keeps_the_facts_and_takes_the_new_port(tmp_path: Path) -> None:
    first = demo_access.prepare(file=tmp_path / "demo.env", url=URL)
    second = demo_access.prepare(file=tmp_path / "demo.env", url="http://127.0.0.1:9000")

    assert (second.email, second.password, second.api_key) == (first.email, first.password, first.api_key)
    assert (tmp_path / "demo.env").read_text().startswith("URL=http://127.0.0.1:9000\n")
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_another_database_gets_the_same_administrator_and_a_key_of_its_own(tmp_path: Path) -> None:
    first = demo_access.prepare(file=tmp_path / "demo.env", url=URL)
    User.objects.all().delete()

    second = demo_access.prepare(file=tmp_path / "demo.env", url=URL)

    assert (second.email, second.password) == (first.email, first.password)
    assert second.api_key != first.api_key
    assert User.objects.get().check_password(first.password)


@pytest.mark.django_db
def test_a_revoked_key_is_replaced(tmp_path: Path) -> None:
    first = demo_access.prepare(file=tmp_path / "demo.env", url=URL)
    services.revoke_key(by=User.objects.get(), key=ApiKey.objects.get())

    assert demo_access.prepare(file=tmp_path / "demo.env", url=URL).api_key != first.api_key


@pytest.mark.django_db
def test_a_lost_file_is_made_anew_with_a_password_that_works(tmp_path: Path) -> None:
    demo_access.prepare(file=tmp_path / "demo.env", url=URL)
    (tmp_path / "demo.env").unlink()

    access = demo_access.prepare(file=tmp_path / "demo.env", url=URL)

    assert User.objects.get().check_password(access.password)


# -- Refusals ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_port_in_use_is_named_with_the_way_out(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings.BIND, settings.PORT = taken.getsockname()
        with pytest.raises(CommandError, match=rf"Port {settings.PORT} .*PORT={settings.PORT + 1} make run"):
            call_command("up")


@pytest.mark.django_db
def test_two_on_one_directory_are_refused(var_dir: Path) -> None:
    with up._only_one(var_dir), pytest.raises(CommandError, match="runs already"):
        call_command("up")


@pytest.mark.django_db
def test_it_is_not_for_production(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="serve"):
        call_command("up")


@pytest.mark.django_db
def test_signal_handlers_are_put_back(var_dir: Path, settings: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings.BIND, settings.PORT = taken.getsockname()
        taken.listen()
        with contextlib.suppress(CommandError):
            call_command("up", stdout=io.StringIO())

    assert signal.getsignal(signal.SIGTERM) is before


def test_nothing_goes_live_before_somebody_serves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert would say that no process serves what the demo activates."""
    done: list[str] = []

    def note(name: str) -> Callable[..., Any]:
        return lambda *_, **__: done.append(name)

    monkeypatch.setattr(up.scrape, "forget_the_dead", note("forget"))
    monkeypatch.setattr(up.demo_access, "prepare", note("access"))
    monkeypatch.setattr(up.publishing, "is_complete", lambda: False)
    command = up.Command()
    command.children = []
    for name in ("migrate", "wait_until_ready", "publish_demo"):
        monkeypatch.setattr(command, f"_{name}", note(name))
    monkeypatch.setattr(command, "_start", lambda name, *_, **__: done.append(name))

    def stop(access: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_show", stop)
    with pytest.raises(KeyboardInterrupt):
        command._run()

    assert done[3:] == ["web server", "wait_until_ready", "job runner", "publish_demo"]


# -- Serving ----------------------------------------------------------------------------------------------


def test_serve_takes_from_the_settings_what_is_not_given(settings: Any) -> None:
    settings.WORKERS, settings.PORT = 7, 9001

    assert serve.plan(threads=3) == (settings.BIND, 9001, 7, 3)


def test_serve_refuses_a_server_it_does_not_know(settings: Any) -> None:
    settings.SERVER = "apache"
    with pytest.raises(CommandError, match="builtin, gunicorn"):
        call_command("serve")


def test_serve_takes_an_address_in_brackets() -> None:
    plan = serve.plan(bind="[::1]:9000")
    assert (plan.host, plan.port) == ("::1", 9000)

    line = serve.gunicorn(plan)
    assert line[line.index("--bind") + 1] == "[::1]:9000"


def test_the_shipped_configuration_is_accepted_by_gunicorn() -> None:
    line = serve.gunicorn(serve.plan(workers=3))
    printed = subprocess.run(
        [*line[:-1], "--print-config", line[-1]], capture_output=True, text=True, check=True
    ).stdout
    found = {name: value for name, _, value in (row.partition(" = ") for row in printed.splitlines())}
    shown = {name.strip(): value for name, value in found.items()}

    assert shown["workers"] == "3"
    assert shown["worker_class"] == "gthread"
    assert shown["control_socket_disable"] == "True"
    assert shown["preload_app"] == "False"


def test_a_process_that_loads_long_still_shows_the_master_that_it_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configuration = runpy.run_path(str(serve.GUNICORN_CONFIGURATION))
    beats = threading.Semaphore(0)
    monkeypatch.setattr(
        process, "start", lambda: [beats.acquire(timeout=60) or pytest.fail("no beat") for _ in range(2)]
    )

    configuration["post_worker_init"](SimpleNamespace(notify=beats.release))

    assert "warm-up-heartbeat" not in {thread.name for thread in threading.enumerate()}


def test_serve_refuses_fewer_than_one_worker() -> None:
    with pytest.raises(CommandError, match="--workers"):
        call_command("serve", workers=0)


@pytest.mark.parametrize(
    ("bind", "host", "in_url"),
    [("0.0.0.0", "127.0.0.1", "127.0.0.1"), ("::", "::1", "[::1]"), ("10.0.0.7", "10.0.0.7", "10.0.0.7")],
)
def test_an_address_that_stands_for_all_is_reached_on_the_loopback(
    settings: Any, bind: str, host: str, in_url: str
) -> None:
    settings.BIND = bind

    assert (up._reachable_host(), up._reachable_host(for_url=True)) == (host, in_url)


def test_a_stop_whose_interrupt_was_lost_is_noticed_at_the_next_pause() -> None:
    command = up.Command()
    command.is_stopping = False
    command._pause(0)
    with contextlib.suppress(KeyboardInterrupt):
        command._signalled()  # as when a destructor swallows what the handler raised
    with pytest.raises(KeyboardInterrupt):
        command._pause(60)
