"""Query parameters of the lists, read strictly."""

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from accounts import query
from solutions.propositions import selectors
from solutions.propositions.features.history import EventType
from solutions.propositions.models import Interaction, Proposition

_OF_PROPOSITIONS = frozenset({"category", "is_active", "search", "ordering"})
_OF_INTERACTIONS = frozenset({"user_id", "proposition_id", "event_type", "from", "to"})
_ORDERINGS = {
    "proposition_id": ("ref",),
    "-published_at": ("-published_at", "ref"),
    "-click_rate": ("-click_rate", "ref"),
    "price": ("price", "ref"),
    "-price": ("-price", "ref"),
}


def filtered_propositions(request: Request) -> QuerySet[Proposition]:
    """Raises ParseError for a parameter that isn't known or can't be read."""
    query.refuse_unknown(request, _OF_PROPOSITIONS | query.PAGING)
    wanted, found = request.query_params, Proposition.objects.all()
    if category := wanted.get("category"):
        found = found.filter(category=category)
    if is_active := wanted.get("is_active"):
        found = found.filter(is_active=query.choice("is_active", is_active, ("true", "false")) == "true")
    if search := wanted.get("search"):
        found = found.filter(Q(ref__icontains=search) | Q(title__icontains=search))
    ordering = query.choice("ordering", wanted.get("ordering", "proposition_id"), _ORDERINGS)
    return found.order_by(*_ORDERINGS[ordering])


def filtered_interactions(request: Request) -> QuerySet[Interaction]:
    """Raises ParseError as above."""
    query.refuse_unknown(request, _OF_INTERACTIONS | query.PAGING)
    wanted, found = request.query_params, selectors.interactions()
    if user_id := wanted.get("user_id"):
        found = found.filter(user_id=user_id)
    if proposition_id := wanted.get("proposition_id"):
        found = found.filter(proposition__ref=proposition_id)
    if event_type := wanted.get("event_type"):
        found = found.filter(event_type=query.choice("event_type", event_type, [kind.value for kind in EventType]))
    if since := wanted.get("from"):
        found = found.filter(recorded_at__gte=query.moment("from", since))
    if until := wanted.get("to"):
        found = found.filter(recorded_at__lt=query.moment("to", until))
    return found
