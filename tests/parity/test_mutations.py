"""Bodies nobody thought of: good ones with parts cut out, doubled and replaced, through both doors."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.parity.corpus import BODIES
from tests.parity.doors import Call, Door, differences, warm

pytestmark = pytest.mark.django_db(transaction=True)

_SMALL = [call for call in BODIES if len(call.body) < 300]
_PIECES = st.sampled_from(
    [
        b"",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"NaN",
        b"1e309",
        b"-",
        b"0",
        b"null",
        b"true",
        b'"instances":',
        b'"inputs":',
        b'"use_cache":',
        b'"subject_id":',
        b'"x":',
        b"\xff",
        b"\x00",
        b"\xef\xbb\xbf",
        b" ",
        b"\n",
        b"9" * 30,
        b"1.5",
        b'"spam"',
        b"[[1,2],[3,4]]",
    ]
)


@st.composite
def mutated(draw: Any) -> Call:
    call = draw(st.sampled_from(_SMALL))
    body = call.body
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 8)))
        piece = draw(st.one_of(_PIECES, st.binary(max_size=4), st.just(body[start:end] * 2)))
        body = body[:start] + piece + body[end:]
    return Call(f"mutated {body!r}", body, call.path, by_lane=bool(body))


@pytest.mark.parametrize("examples", [80, pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_mutated_bodies_are_answered_alike(
    doors: tuple[Door, Door],
    world: Any,
    key: Any,
    ada: Any,
    examples: int,
    settings: Any,
) -> None:
    settings.RATE_LIMIT_KEY_REQUESTS = 0
    credential = key()
    warm(credential, user=ada, world=world)
    ask_both(doors, credential, examples)


def ask_both(doors: tuple[Door, Door], credential: dict[str, str], examples: int) -> None:
    @hypothesis_settings(max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(call=mutated())
    def alike(call: Call) -> None:
        assert differences(doors, [call], credential) == []

    alike()
