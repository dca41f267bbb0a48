"""Models carried from one installation to another, and directories taken over."""

import hashlib
import io
import json
import zipfile

import pytest
from django.core.management import CommandError, call_command

from inference import jobs
from registry import artifacts, bundles, services
from registry.models import ModelVersion, RegisteredModel, Status
from tests import toys

pytestmark = pytest.mark.django_db(transaction=True)


def run(name, *arguments, **options):
    out = io.StringIO()
    call_command(name, *[str(argument) for argument in arguments], stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def load(*arguments):
    return run("importmodel", *arguments, "--wait", "0", "--owner", "ada@example.org")


@pytest.fixture
def bundle(ada, served_version, tmp_path):
    """The bundle of a model with one version."""
    golden = {"instances": [[1.0, 0.0]], "predictions": [2.0], "probabilities": None}
    version = served_version(golden=golden)
    services.describe_version(version=version, by=ada, metrics={"r2": 0.5}, tags=["a"], notes="n")
    services.change_model(model=version.model, by=ada, max_batch_rows=7, description="d", fallback=1.5, deadline_ms=900)
    path = tmp_path / "oracle.zip"
    run("exportmodel", "oracle", path, "--by", ada.email)
    return path


def rewritten(path, change):
    """The bundle after `change` was made to its members, a dict from name to bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def edit(members, change):
    manifest = json.loads(members["manifest.json"])
    change(manifest)
    members["manifest.json"] = json.dumps(manifest).encode()


def test_what_is_exported_is_imported_with_all_that_is_said_of_it(ada, bundle):
    load(bundle, "--name", "copy")
    copy = ModelVersion.objects.select_related("model").get(model__name="copy")
    assert (copy.status, copy.number, copy.notes, copy.tags) == (Status.PENDING, 1, "n", ["a"])
    assert copy.metrics == [{"name": "r2", "value": 0.5, "dataset": ""}]
    assert (copy.model.max_batch_rows, copy.model.description, copy.model.owner) == (7, "d", ada)
    assert (copy.model.fallback, copy.model.deadline_ms, copy.model.cache_ttl_seconds) == (1.5, 900, None)
    assert (copy.sample, copy.expected) == ([[1.0, 0.0]], [2.0])
    assert artifacts.read_verified(copy.served_file) == toys.oracle(1.0)
    event = copy.events.get()
    assert (event.kind, event.details["name"], event.details["number"]) == ("imported", "oracle", 1)
    assert event.details["bundle"] == hashlib.sha256(bundle.read_bytes()).hexdigest()


def test_importing_twice_makes_one_version(bundle):
    load(bundle, "--name", "copy")
    assert "is there already as copy:1" in load(bundle, "--name", "copy")
    assert ModelVersion.objects.filter(model__name="copy").count() == 1


def test_a_bundle_is_accepted_by_its_digest_alone(bundle):
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    with pytest.raises(CommandError, match="digest_mismatch"):
        load(bundle, "--name", "copy", "--sha256", "0" * 64)
    assert not RegisteredModel.objects.filter(name="copy").exists()
    load(bundle, "--name", "copy", "--sha256", digest)


def test_a_changed_model_file_is_refused(bundle):
    def change(members):
        members["versions/1/original.onnx"] = toys.oracle(9.0)

    with pytest.raises(CommandError, match="digest_mismatch"):
        load(rewritten(bundle, change), "--name", "copy")
    assert not RegisteredModel.objects.filter(name="copy").exists()


def test_a_bit_that_flipped_on_the_way_is_noticed(bundle):
    content = bytearray(bundle.read_bytes())
    at = content.index(toys.oracle(1.0)) + 40
    content[at] ^= 1
    bundle.write_bytes(bytes(content))
    with pytest.raises(CommandError, match="bundle_invalid"):
        load(bundle, "--name", "copy")


def names_member(name):
    def change(members):
        members[name] = members.pop("versions/1/original.onnx")
        edit(members, lambda manifest: manifest["versions"][0]["files"]["original"].update(member=name))

    return change


CHANGES = {
    "a path that leads out": names_member("../../../outside.onnx"),
    "an absolute path": names_member("/outside.onnx"),
    "a file nobody named": lambda members: members.update({"extra.sh": b"#"}),
    "a file that is missing": lambda members: members.pop("versions/1/original.onnx"),
    "no manifest": lambda members: members.pop("manifest.json"),
    "a manifest that is no JSON": lambda members: members.update({"manifest.json": b"{"}),
    "a manifest of another format": lambda members: edit(members, lambda manifest: manifest.update(bundle=2)),
    "no versions": lambda members: edit(members, lambda manifest: manifest.update(versions=[])),
    "a version without a number": lambda members: edit(members, lambda manifest: manifest["versions"][0].pop("number")),
    "tags of another kind": lambda members: edit(members, lambda manifest: manifest["versions"][0].update(notes=5)),
    "a setting out of range": lambda members: edit(
        members, lambda manifest: manifest["model"].update(max_batch_rows=0)
    ),
    "a fallback that is none": lambda members: edit(members, lambda manifest: manifest["model"].update(fallback={})),
    "a policy nobody knows": lambda members: edit(
        members, lambda manifest: manifest["model"].update(record_policy="x")
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_bundle_that_was_tampered_with_is_refused_and_leaves_nothing(bundle, change, var_dir):
    before = {path for path in var_dir.rglob("*") if path.is_file()}
    with pytest.raises(CommandError, match="bundle_invalid"):
        load(rewritten(bundle, change), "--name", "copy")
    assert not RegisteredModel.objects.filter(name="copy").exists()
    assert not list(var_dir.parent.rglob("outside*"))
    left = {path for path in var_dir.rglob("*") if path.is_file()}
    assert left - {bundle} == before - {bundle}


def test_a_packed_or_foreign_file_is_no_bundle(bundle, tmp_path):
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(CommandError, match="packed"):
        load(bundle)
    (tmp_path / "text.zip").write_text("nothing")
    with pytest.raises(CommandError, match="no zip"):
        load(tmp_path / "text.zip")


def test_every_version_that_can_be_served_goes_into_a_bundle_of_all(ada, served_version, tmp_path):
    for offset in (1, 2, 3):
        served_version(offset=offset)
    services.archive_version(version=ModelVersion.objects.get(number=2), by=ada)
    told = json.loads(run("exportmodel", "oracle", tmp_path / "b.zip", "--all", "--json", "--by", ada.email))
    assert told["versions"] == [1, 3]
    assert json.loads(run("exportmodel", "oracle:2", tmp_path / "b.zip", "--json", "--by", ada.email))["versions"] == [
        2
    ]


def test_a_damaged_version_is_not_exported(ada, served_version, tmp_path):
    artifacts.path_of(served_version().artifact).write_bytes(b"swapped")
    with pytest.raises(CommandError, match="digest_mismatch"):
        run("exportmodel", "oracle", tmp_path / "b.zip", "--by", ada.email)
    assert list(tmp_path.glob("*.zip")) == []
    assert list(tmp_path.glob(".b.zip*")) == []


@pytest.mark.slow
def test_an_imported_version_must_answer_its_golden_rows_as_it_did(ada, toy_file, tmp_path):
    services.upload_version(by=ada, name="toy", file=toy_file)
    assert jobs.validate_next()
    run("exportmodel", "toy", tmp_path / "toy.zip", "--by", ada.email)
    load(tmp_path / "toy.zip", "--name", "good")
    assert jobs.validate_next()
    assert ModelVersion.objects.get(model__name="good").status == Status.READY

    def lie(members):
        def change(manifest):
            golden = manifest["versions"][0]["golden"]
            golden["predictions"] = ["no" if said == "yes" else "yes" for said in golden["predictions"]]

        edit(members, change)

    load(rewritten(tmp_path / "toy.zip", lie), "--name", "bad")
    assert jobs.validate_next()
    assert ModelVersion.objects.get(model__name="bad").failure["code"] == "expected_mismatch"


def test_reading_a_bundle_never_unpacks_it(bundle):
    with bundles.read(bundle) as opened, opened.original(opened.versions[0]) as (file, size):
        assert len(file.read()) == size == len(toys.oracle(1.0))


# -- Directories --------------------------------------------------------------------------------------


@pytest.fixture
def directory(tmp_path, toy_file):
    exported = tmp_path / "exported"
    exported.mkdir()
    (exported / "logo_classifier.onnx").write_bytes(toys.oracle(1.0))
    (exported / "correlation_models.pkl").write_bytes(toy_file.getvalue())
    (exported / "README.md").write_text("about")
    (exported / "logo_classifier.json").write_text(json.dumps({"description": "Logos", "tags": ["vision"]}))
    return exported


def take_over(directory, *options):
    return run("importmodels", directory, "--wait", "0", "--owner", "ada@example.org", *options)


def test_each_model_file_of_a_directory_becomes_a_model(ada, directory):
    assert "2 of 2 models are here." in take_over(directory)
    models = {model.name: model for model in RegisteredModel.objects.all()}
    assert set(models) == {"logo_classifier", "correlation_models"}
    assert (models["logo_classifier"].description, models["logo_classifier"].tags) == ("Logos", ["vision"])
    assert ModelVersion.objects.get(model__name="correlation_models").original_name == "correlation_models.pkl"


def test_taking_a_directory_over_again_adds_only_what_is_new(ada, directory):
    take_over(directory)
    (directory / "logo_classifier.onnx").write_bytes(toys.oracle(2.0))
    told = json.loads(take_over(directory, "--json"))
    assert [(row["model"], row["version"], row["is_new"]) for row in told["models"]] == [
        ("correlation_models", 1, False),
        ("logo_classifier", 2, True),
    ]


def test_a_file_that_is_there_already_is_made_live_when_that_is_asked(served_version, directory, monkeypatch):
    version = served_version("oracle", 1.0)
    (directory / "logo_classifier.onnx").rename(directory / f"{version.model.name}.onnx")
    (directory / "correlation_models.pkl").unlink()
    asked = ("--owner", version.model.owner.email, "--activate")
    assert f"{version} is live." in run("importmodels", directory, *asked)
    assert "is live." not in run("importmodels", directory, *asked), "it is live already"


def test_a_file_that_cannot_be_imported_is_named_and_the_others_are_imported(ada, directory):
    (directory / "broken.pt").write_bytes(b"nonsense")
    (directory / "correlation_models.json").write_text('{"owner": "root"}')
    with pytest.raises(CommandError, match="2 of 3 files"):
        take_over(directory)
    assert list(RegisteredModel.objects.values_list("name", flat=True)) == ["logo_classifier"]


def test_a_directory_without_models_is_said_to_have_none(ada, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match="no model file"):
        take_over(tmp_path / "empty")
