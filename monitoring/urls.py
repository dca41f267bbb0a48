"""The doors of monitoring: `urlpatterns` belong below admin/, `api_urlpatterns` below api/v1/, the others below /."""

from django.contrib import admin

from accounts.routing import Router, route
from monitoring import dashboards
from monitoring.drift.views import DriftViewSet
from monitoring.outcomes.views import FeedbackViewSet, QualityViewSet
from monitoring.pages.prediction import prediction
from monitoring.scrape_view import MetricsViewSet
from monitoring.statistics_views import StatisticsViewSet
from monitoring.views import PredictionViewSet

urlpatterns = [
    route("dashboard", admin.site.admin_view(dashboards.dashboard), name="dashboard"),
    route("dashboard/<str:name>", admin.site.admin_view(dashboards.model_dashboard), name="dashboard-model"),
    route("predictions/<uuid:pk>", admin.site.admin_view(prediction), name="prediction"),
]

_router = Router()
_router.register("predictions", PredictionViewSet, basename="prediction")
api_urlpatterns = [
    *_router.urls,
    route(
        "predictions/<str:pk>/feedback", FeedbackViewSet.as_view({"post": "create_one"}), name="api-prediction-feedback"
    ),
    route("feedback", FeedbackViewSet.as_view({"get": "list", "post": "create"}), name="api-feedback"),
    route("models/<str:ref>/drift", DriftViewSet.as_view({"get": "retrieve"}), name="api-drift"),
    route(
        "models/<str:ref>/versions/<int:number>/drift", DriftViewSet.as_view({"post": "check"}), name="api-check-drift"
    ),
    route(
        "models/<str:ref>/versions/<int:number>/drift-reference",
        DriftViewSet.as_view({"post": "take_reference"}),
        name="api-drift-reference",
    ),
    route("models/<str:ref>/quality", QualityViewSet.as_view({"get": "retrieve"}), name="api-quality"),
    route("monitoring/analytics", StatisticsViewSet.as_view({"get": "analytics"}), name="api-analytics"),
]

root_urlpatterns = [
    route("metrics", MetricsViewSet.as_view({"get": "list"}), name="metrics"),
    route("monitoring/statistics", StatisticsViewSet.as_view({"get": "statistics"}), name="statistics"),
]
