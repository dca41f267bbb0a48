"""Model files, given out."""

import base64
import hashlib

import pytest

from accounts import services as accounts_services
from accounts.models import AuditEvent
from registry import artifacts, services
from tests import toys

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def get(client, ada):
    def get(path, user=ada, **headers):
        key = accounts_services.create_key(by=user, owner=user, name="d", scopes=["read"])[1]
        return client.get(f"/api/v1/models/{path}", headers={"X-API-Key": key, **headers})

    return get


def test_the_file_comes_as_it_was_uploaded_with_its_digest_and_a_safe_name(ada, get, served_version):
    version = served_version()
    answer = get("oracle/versions/1/download", Accept="application/octet-stream")
    content = b"".join(answer.streaming_content)
    assert content == toys.oracle(1.0)
    digest = hashlib.sha256(content)
    assert answer.headers["ETag"] == f'"{digest.hexdigest()}"'
    assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="oracle-v1.onnx"'
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert int(answer.headers["Content-Length"]) == len(content)
    event = AuditEvent.objects.get(action="version.downloaded")
    assert (event.actor, event.target_name, event.details["sha256"]) == (ada.email, "oracle:1", version.sha256)


def test_what_the_caller_has_already_is_not_sent_again(get, served_version):
    version = served_version()
    answer = get("oracle/versions/1/download", **{"If-None-Match": f'"{version.sha256}"'})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("named", "status"),
    [("*", 304), ('W/"{0}"', 304), ('"other", "{0}"', 304), ('"other"', 200), ("{0}", 200), ('"x{0}"', 200)],
)
def test_tags_are_compared_whole(named, status, get, served_version):
    version = served_version()
    answer = get("oracle/versions/1/download", **{"If-None-Match": named.format(version.sha256)})
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.streaming:
        list(answer.streaming_content)  # to its end, which closes the file


def test_the_compiled_form_is_sent_where_there_is_one(ada, get, toy_file):
    services.upload_version(by=ada, name="toy", file=toy_file)
    claimed = services.claim_for_validation(seconds=60, max_attempts=3)
    assert get("toy/versions/1/download?form=compiled").status_code == 404
    services.mark_ready(
        version=claimed, task="classification", handler="tabular", compiled=b"onnx", runtime="onnx", signature={}
    )
    answer = get("toy/versions/1/download?form=compiled")
    assert b"".join(answer.streaming_content) == b"onnx"
    assert get("toy/versions/1/download?form=source").status_code == 400


def test_only_the_owner_and_staff_get_a_visible_models_files(ada, bob, root, get, served_version):
    model = served_version().model
    services.change_model(model=model, by=ada, visibility="internal")
    assert get("oracle/versions/1", user=bob).status_code == 200
    assert get("oracle/versions/1/download", user=bob).status_code == 403
    bob.is_staff = True
    bob.save()
    for person in (bob, root):
        assert b"".join(get("oracle/versions/1/download", user=person).streaming_content) == toys.oracle(1.0)


def test_a_damaged_file_is_not_given_out(get, served_version):
    version = served_version()
    artifacts.path_of(version.artifact).write_bytes(b"swapped")
    answer = get("oracle/versions/1/download")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "digest_mismatch")
