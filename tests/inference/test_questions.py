"""What is read without the serializer is what the serializer would read."""

import orjson
import pytest

from accounts.errors import AccountsError
from accounts.json_text import load_object
from inference import questions
from tests.parity.corpus import BODIES


def objects():
    for call in BODIES:
        try:
            yield load_object(call.body)
        except AccountsError:
            continue


def test_what_is_plain_is_read_as_the_serializer_reads_it():
    read = [(questions.plain(data), data) for data in objects()]
    plain = [(question, data) for question, data in read if question is not None]
    assert len(plain) > 50
    assert [data for question, data in plain if question != questions.judged(data)] == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": null}',
        b'{"instances": [1], "inputs": {}}',
        b'{"instances": [1], "use_cache": 1}',
        b'{"instances": [1], "subject_id": " a"}',
        b'{"instances": [1], "colour": 1}',
        b"{}",
    ],
)
def test_what_is_not_plain_is_left_to_the_serializer(body):
    assert questions.plain(orjson.loads(body)) is None
