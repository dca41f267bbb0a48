"""The doors of monitoring: `urlpatterns` belong below admin/, `api_urlpatterns` below api/v1/, the others below /."""

from django.contrib import admin

from accounts.routing import Router, route
from monitoring.alerts import runbooks
from monitoring.alerts.views import AlertViewSet
from monitoring.drift.views import DriftViewSet
from monitoring.outcomes.review_views import ReviewViewSet
from monitoring.outcomes.views import FeedbackViewSet, QualityViewSet
from monitoring.pages.clients_page import clients
from monitoring.pages.drift import drift
from monitoring.pages.feedback import tell
from monitoring.pages.prediction import prediction
from monitoring.pages.predictions_page import export, predictions
from monitoring.pages.processes_page import processes
from monitoring.pages.quality import labelled, quality, watch
from monitoring.pages.review import review
from monitoring.pages.traffic_pages import dashboard, model_dashboard
from monitoring.scrape_view import MetricsViewSet
from monitoring.statistics_views import StatisticsViewSet
from monitoring.views import PredictionViewSet

urlpatterns = [
    route("dashboard", admin.site.admin_view(dashboard), name="dashboard"),
    route("dashboard/<str:name>", admin.site.admin_view(model_dashboard), name="dashboard-model"),
    route("runbooks", admin.site.admin_view(runbooks.page), name="runbooks"),
    route("processes", admin.site.admin_view(processes), name="dashboard-processes"),
    route("clients", admin.site.admin_view(clients), name="dashboard-clients"),
    route("predictions", admin.site.admin_view(predictions), name="predictions"),
    route("predictions/export", admin.site.admin_view(export), name="predictions-export"),
    route("dashboard/<str:name>/quality", admin.site.admin_view(quality), name="dashboard-quality"),
    route("dashboard/<str:name>/watch", admin.site.admin_view(watch), name="dashboard-watch"),
    route("dashboard/<str:name>/labelled", admin.site.admin_view(labelled), name="dashboard-labelled"),
    route("dashboard/<str:name>/review", admin.site.admin_view(review), name="dashboard-review"),
    route("dashboard/<str:name>/drift", admin.site.admin_view(drift), name="dashboard-drift"),
    route("predictions/<uuid:pk>", admin.site.admin_view(prediction), name="prediction"),
    route("predictions/<uuid:pk>/feedback", admin.site.admin_view(tell), name="prediction-feedback"),
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
    route("models/<str:ref>/review", ReviewViewSet.as_view({"get": "list"}), name="api-review"),
    route("models/<str:ref>/labelled", ReviewViewSet.as_view({"get": "labelled"}), name="api-labelled"),
    route(
        "models/<str:ref>/watch", ReviewViewSet.as_view({"get": "watch", "patch": "partial_update"}), name="api-watch"
    ),
    route("models/<str:ref>/quality", QualityViewSet.as_view({"get": "retrieve"}), name="api-quality"),
    route("alerts", AlertViewSet.as_view({"get": "list"}), name="api-alerts"),
    route("alerts/history", AlertViewSet.as_view({"get": "history"}), name="api-alert-history"),
    route(
        "alerts/<str:pk>/silence",
        AlertViewSet.as_view({"post": "silence", "delete": "end_silence"}),
        name="api-alert-silence",
    ),
    route("monitoring/analytics", StatisticsViewSet.as_view({"get": "analytics"}), name="api-analytics"),
]

root_urlpatterns = [
    route("metrics", MetricsViewSet.as_view({"get": "list"}), name="metrics"),
    route("monitoring/statistics", StatisticsViewSet.as_view({"get": "statistics"}), name="statistics"),
]
