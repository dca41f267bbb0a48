"""Asks, as each caller, for each pair, and puts the answer into a word."""

import re
from typing import Any

from accounts.credential_cache import remembered
from tests.matrix.world import Caller, World, body_for, undone

_LIST_OF = re.compile(r"/(?:admin/\w+/|admin/|api/v1/)([\w-]+)/\{(?:pk|object_id|id)\}")


def path_of(world: World, route: str) -> str:
    """A path below a route, leading to Ada's things."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in ("pk", "object_id", "id"):
            owner = _LIST_OF.match(route)
            return str(world.ids[owner.group(1)] if owner else 1)
        return str(world.ids[name])

    return re.sub(r"\{(\w+)\}", value, route)


def outcome(world: World, caller: Caller, route: str, verb: str) -> str:
    """`in`: past the door, whatever the call then made of it; `login`: sent to sign in; `moved`: sent elsewhere,
    which is also how a page refuses; else the status.

    A `*` says that rows changed.
    """
    remembered.clear()
    session = caller.client.cookies.copy()
    with undone() as writes:
        ask = getattr(caller.client, verb.lower())
        answer = ask(path_of(world, route), headers=caller.headers, **body_for(world, route, verb))
        # A file is closed once it was read.
        b"".join(answer)
    caller.client.cookies = session
    return _word(answer) + ("*" if writes.statements else "")


def _word(answer: Any) -> str:
    status = answer.status_code
    if status == 302 and "/admin/login/" in answer["Location"]:
        return "login"
    if 300 <= status < 400:
        return "moved"
    if status < 300 or status in (400, 409, 411, 413, 415, 422):
        return "in"
    return str(status)
