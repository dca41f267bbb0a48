"""How a solution asks its models: as a client does, through inference's one call, so it is limited and recorded."""

from collections.abc import Callable
from typing import Any

from accounts.principal import Principal
from inference import predictor
from inference.handlers.base import Payload
from inference.predictor import Answer, Question
from registry.errors import ModelNotFound, NoActiveVersion
from registry.models import RegisteredModel
from solutions import catalogue
from solutions.errors import NotTrained


def ask(*, principal: Principal, model: str, read: Callable[[], Question], request_id: str) -> Answer:
    """The answer of what is live of the registered model `model`.

    `read` parses the body; it is called inside, so that a body that can't be read is written down too. Raises
    NotTrained where the caller has no live version to use, and what `predictor.predict` raises.
    """
    try:
        return predictor.predict(principal=principal, reference=model, read=read, request_id=request_id)
    except (ModelNotFound, NoActiveVersion) as error:
        raise _not_trained(model) from error


def rows(instances: list[Any], *, use_cache: bool = True, subject_id: str = "", explain: bool = False) -> Question:
    """A question about rows as a client would send them; with `explain`, also what moved each answer."""
    return Question(Payload("instances", instances), use_cache, subject_id, explain)


def model_for(*, principal: Principal, model: str) -> RegisteredModel:
    """The registered model, as the caller may see it. Raises NotTrained."""
    found = RegisteredModel.objects.visible_to(principal.user).listed().filter(name=model).first()
    if found is None or not principal.may_use_model(model):
        raise _not_trained(model)
    return found


def _not_trained(model: str) -> NotTrained:
    solution = catalogue.owner_of(model)
    advice = f": train one with `manage.py train {solution.name} --activate`." if solution else "."
    return NotTrained(f"No version of {model} is live for this credential{advice}", model=model)
