"""The same calls at the paths of seed 003 and below /api/v1/."""

from django.urls import URLPattern

from accounts.routing import route
from solutions.propositions.views import BehaviourViewSet, PropositionViewSet, RankingViewSet, SuggestViewSet


def _routes(prefix: str) -> list[URLPattern]:
    suggest, ranking = SuggestViewSet.as_view, RankingViewSet.as_view
    return [
        route("suggest", suggest({"post": "suggest"}), name=f"{prefix}suggest"),
        route("log_event", suggest({"post": "log_event"}), name=f"{prefix}log-event"),
        route("suggest/metrics", ranking({"get": "metrics"}), name=f"{prefix}suggest-metrics"),
        route("suggest/performance", ranking({"get": "performance"}), name=f"{prefix}suggest-performance"),
        route("suggest/versions", ranking({"get": "versions"}), name=f"{prefix}suggest-versions"),
        route("suggest/activate", ranking({"post": "activate"}), name=f"{prefix}suggest-activate"),
        route("suggest/cache", ranking({"get": "cache", "delete": "clear"}), name=f"{prefix}suggest-cache"),
        route(
            "propositions",
            PropositionViewSet.as_view({"get": "list", "post": "create"}),
            name=f"{prefix}propositions",
        ),
        route(
            "propositions/<str:proposition_id>",
            PropositionViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
            name=f"{prefix}proposition",
        ),
        route("interactions", BehaviourViewSet.as_view({"get": "interactions"}), name=f"{prefix}interactions"),
        route(
            "users/<str:user_id>/features",
            BehaviourViewSet.as_view({"get": "features", "put": "state_features"}),
            name=f"{prefix}user-features",
        ),
    ]


api_urlpatterns = _routes("api-")
root_urlpatterns = _routes("")
