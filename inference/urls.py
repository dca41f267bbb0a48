"""Inference's doors: `api_urlpatterns` belong below api/v1/, `root_urlpatterns` below /."""

from accounts.routing import route
from inference.batch.views import BatchJobViewSet, BatchResultsView
from inference.comparison_views import ComparisonViewSet
from inference.health_views import HealthViewSet
from inference.views import ActivationViewSet, PredictViewSet

api_urlpatterns = [
    route("batch-jobs", BatchJobViewSet.as_view({"post": "create", "get": "list"}), name="api-batch-jobs"),
    route(
        "batch-jobs/<uuid:pk>",
        BatchJobViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="api-batch-job",
    ),
    route("batch-jobs/<uuid:pk>/results", BatchResultsView.as_view({"get": "retrieve"}), name="api-batch-results"),
    route("predict/<str:ref>", PredictViewSet.as_view({"post": "create"}), name="api-predict"),
    route("predict/<str:ref>/batch", PredictViewSet.as_view({"post": "batch"}), name="api-predict-batch"),
    route(
        "models/<str:ref>/versions/<int:number>/activate",
        ActivationViewSet.as_view({"post": "activate"}),
        name="api-activate",
    ),
    route("models/<str:ref>/compare", ComparisonViewSet.as_view({"get": "retrieve"}), name="api-compare"),
    route("models/<str:ref>/rollback", ActivationViewSet.as_view({"post": "rollback"}), name="api-rollback"),
]
root_urlpatterns = [route("monitoring/health", HealthViewSet.as_view({"get": "health"}), name="health-details")]
