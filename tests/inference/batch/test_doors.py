"""The same answers at every door: the API's predict, a batch job, the command, and Python."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.principal import principal_for
from inference import predictor
from inference.batch.door import score
from inference.bulk import folder, planning
from inference.bulk.scoring import Scored
from inference.handlers.base import Payload
from inference.signature import Signature
from registry.errors import VersionNotReady
from tests import toys

pytestmark = pytest.mark.django_db(transaction=True)

CELLS = [[0.1, 2.0], [3.0, 4.5], [-7.25, 1e-3], [1e10, 0.0]]


def asked(version: Any, by: Any) -> list[Any]:
    question = predictor.Question(Payload("instances", CELLS), use_cache=False)
    reference = f"oracle:{version.number}"
    principal = principal_for(by)
    return predictor.predict(
        principal=principal, reference=reference, read=lambda: question, request_id="r"
    ).predictions.predictions


def test_every_door_gives_the_same_answers(
    version: Any, ask: Any, work: Any, ada: Any, root: Any, tmp_path: Path
) -> None:
    expected = asked(version, ada)
    text = "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in CELLS)
    ask(text.encode(), results_format="jsonl")
    assert [json.loads(line)["prediction"] for line in work().results_path.read_bytes().splitlines()] == expected
    source, target = tmp_path / "rows.csv", tmp_path / "out.csv"
    source.write_text(text)
    call_command("score", "oracle@1", source, output=target, stdout=io.StringIO())
    assert [float(line.split(",")[1]) for line in target.read_text().splitlines()[1:]] == expected
    assert [one.prediction for one in score(version, iter(CELLS), chunk_rows=3)] == expected
    objects = [dict(zip("xy", cells, strict=True)) for cells in CELLS]
    assert [one.prediction for one in score(version, objects)] == expected


def test_python_is_told_of_bad_rows_and_given_the_others(version: Any) -> None:
    rows = [[1.0, 0.0], ["?", 0.0], [2.0, 0.0]]
    found = list(score(version, rows))
    assert [one.prediction for one in found] == [2.0, None, 3.0]
    assert found[1].refused is not None
    assert (found[1].row, found[1].refused.code, found[1].refused.field) == (["?", 0.0], "wrong_type", "x")


def test_a_query_set_is_scored_by_its_columns(served_version: Any, ada: Any, bob: Any) -> None:

    inputs = [{"name": "id", "dtype": "float32", "shape": [-1]}, {"name": "failed", "dtype": "float32", "shape": [-1]}]
    version = served_version("people", 1.0, signature={**toys.ORACLE_SIGNATURE, "inputs": inputs})
    from django.db.models import Value

    people = User.objects.annotate(failed=Value(0.0)).order_by("pk")
    found = list(score(version, people, chunk_rows=1))
    assert [(one.row["pk"], one.prediction) for one in found] == [(one.pk, one.pk + 1.0) for one in people]


def test_a_version_that_is_not_ready_is_refused_everywhere(version: Any) -> None:
    version.status = "failed"
    with pytest.raises(VersionNotReady):
        next(score(version, [[1.0, 2.0]]))


def test_the_command_goes_on_where_it_was_stopped(version: Any, root: Any, tmp_path: Path, monkeypatch: Any) -> None:
    source, target = tmp_path / "rows.csv", tmp_path / "out.jsonl"
    source.write_text("x,y\n" + "".join(f"{at},0\n" for at in range(50)))
    keep, kept = folder.Folder.keep, list[Any]()

    def stopped(self: Any, scored: Any) -> Any:
        found = keep(self, scored[: 2 - len(kept)])
        kept.extend(found)
        if len(kept) == 2:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(folder.Folder, "keep", stopped)
    with pytest.raises(KeyboardInterrupt):
        call_command("score", "oracle:1", source, output=target, stdout=io.StringIO())
    assert not target.exists()
    monkeypatch.setattr(folder.Folder, "keep", keep)
    said = io.StringIO()
    call_command("score", "oracle:1", source, output=target, stdout=said)
    assert "Going on: 2 of 5 parts" in said.getvalue()
    rows = [json.loads(line) for line in target.read_bytes().splitlines()]
    assert rows == [{"row": at + 1, "prediction": at + 1.0} for at in range(50)]
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out.jsonl"]


def test_a_file_that_changed_is_begun_afresh(version: Any, root: Any, tmp_path: Path) -> None:
    signature = Signature.from_dict(toys.ORACLE_SIGNATURE)
    place = folder.Folder(tmp_path / "parts", kind="csv", signature=signature)
    plan = planning.Plan("csv", 1, ())
    place.plan({"of": "one"}, lambda: plan)
    place.keep([Scored(0, b"1,2,,,\n", 1, 0)])
    assert place.finished()
    place.plan({"of": "one"}, lambda: plan)
    assert place.finished()
    place.plan({"of": "another"}, lambda: plan)
    assert not place.finished()


def test_the_command_says_what_is_wrong(version: Any, root: Any, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    with pytest.raises(CommandError, match="No such file"):
        call_command("score", "oracle:1", source, output=tmp_path / "out.csv")
    source.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="missing_column"):
        call_command("score", "oracle:1", source, output=tmp_path / "out.csv")
    with pytest.raises(CommandError, match="not_found"):
        call_command("score", "nothing", source, output=tmp_path / "out.csv")
