"""From a reference to the version that serves it: the hot path's only door into the registry.

Answers are remembered until the generation changes, so in the steady state a resolution is one dictionary look-up.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from registry import generation, names, recording, seals, serving
from registry.errors import ModelNotFound, NoActiveVersion
from registry.models import Deployment, ModelVersion, RegisteredModel, Visibility
from registry.recording import Recording
from registry.seals import StoredFile
from registry.services import check_can_serve
from registry.serving import Serving

_MAX_REMEMBERED = 10_000


class Person(Protocol):
    """As much of a user as the resolver needs."""

    pk: Any
    is_staff: bool


@dataclass(frozen=True, slots=True)
class Served:
    """A version that can be served, with everything the hot path needs to know of it and of its model."""

    version_id: int
    number: int
    model_id: int
    model_name: str
    owner_id: int
    is_internal: bool
    max_batch_rows: int
    recording: Recording
    is_deprecated: bool
    runtime: str
    file: StoredFile
    sha256: str
    signature: dict[str, Any]
    golden: dict[str, Any] | None
    memory_bytes: int
    serving: Serving
    library_versions: dict[str, str] = field(default_factory=dict)
    explainer: StoredFile | None = None
    explanation: dict[str, Any] = field(default_factory=dict)

    def is_visible_to(self, user: Person) -> bool:
        """Whether `user` may know of the model."""
        return self.is_internal or user.is_staff or self.owner_id == user.pk


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What was resolved while the generation was `key`. A slow look-up may still write into an old one: harmless."""

    key: tuple[int, int]
    by_reference: dict[str, Served]


_forgotten = 0
_remembered = _Remembered((-1, -1), {})


def resolve(reference: str, *, user: Person) -> Served:
    """The version `reference` means now.

    Raises ModelNotFound (also for another owner's private model), NoActiveVersion, VersionNotReady.
    """
    known = _current().by_reference
    served = known.get(reference)
    if served is None:
        served = _look_up(reference, user)
        if len(known) < _MAX_REMEMBERED:
            known[reference] = served
    if not served.is_visible_to(user):
        raise ModelNotFound(f"There is no model {reference!r}.")
    return served


def recall(reference: str) -> Served | None:
    """The version `reference` means now if that is remembered, else None; looks nothing up and judges nobody."""
    return _current().by_reference.get(reference)


def forget() -> None:
    """Drop everything remembered: the database's generation changed without this host's counter (another host)."""
    global _forgotten
    _forgotten += 1


def find_model(reference: str, *, user: Any) -> RegisteredModel:
    """The model of a reference `id` or `name`, as `user` may see it. Raises ModelNotFound."""
    parsed = names.parse(reference)
    if parsed is not None:
        model = RegisteredModel.objects.visible_to(user).filter(**_by(parsed)).select_related("owner").first()
        if model is not None:
            return model
    raise ModelNotFound(f"There is no model {reference!r}.")


def find_version(model: RegisteredModel, number: int) -> ModelVersion:
    """Version `number` of a model. Raises ModelNotFound."""
    version = model.versions.select_related("model__owner", "created_by").filter(number=number).first()
    if version is None:
        raise ModelNotFound(f"{model.name} has no version {number}.")
    return version


def live() -> list[Served]:
    """Every version that is live now and not in quarantine, the most recently activated first.

    Their models' names are remembered: whoever is the first to ask for one here needs no database.
    """
    known = _current().by_reference  # before the database is asked: what changes meanwhile belongs to another one
    open = Deployment.objects.filter(closed_at=None, model__archived_at=None, version__quarantined_at=None)
    found = [served(entry.version) for entry in open.select_related("version__model")]
    known.update({one.model_name: one for one in found[: _MAX_REMEMBERED - len(known)]})
    return found


def served(version: ModelVersion) -> Served:
    """What the hot path needs to know of `version`; its model must be loaded with it."""
    model = version.model
    file = version.served_file
    return Served(
        version_id=version.pk,
        number=version.number,
        model_id=model.pk,
        model_name=model.name,
        owner_id=model.owner_id,
        is_internal=model.visibility == Visibility.INTERNAL,
        max_batch_rows=model.max_batch_rows,
        recording=recording.of_model(model),
        is_deprecated=version.status == "deprecated",
        runtime=version.runtime,
        file=file,
        sha256=file.sha256,
        signature=version.signature or {},
        golden=version.golden,
        memory_bytes=version.memory_bytes or version.size_bytes,
        serving=serving.of_model(model),
        library_versions=version.library_versions,
        explainer=version.stored_file(seals.EXPLAINER) if version.explainer else None,
        explanation=version.explanation,
    )


def _current() -> _Remembered:
    global _remembered
    key = (generation.on_this_host(), _forgotten)
    if _remembered.key != key:
        _remembered = _Remembered(key, {})
    return _remembered


def _look_up(reference: str, user: Any) -> Served:
    parsed = names.parse(reference)
    model = parsed and RegisteredModel.objects.listed().visible_to(user).filter(**_by(parsed)).first()
    if not parsed or not model:
        raise ModelNotFound(f"There is no model {reference!r}.")
    if parsed.version is not None:
        version = model.versions.filter(number=parsed.version).first()
        if version is None:
            raise ModelNotFound(f"{model.name} has no version {parsed.version}.")
    else:
        open = model.open_deployment()
        if open is None:
            raise NoActiveVersion(f"No version of {model.name} is live: activate one first.", model=model.name)
        version = open.version
    check_can_serve(version)
    version.model = model
    return served(version)


def _by(parsed: names.Reference) -> dict[str, Any]:
    return {"pk": parsed.model_id} if parsed.model_id is not None else {"name": parsed.name}
