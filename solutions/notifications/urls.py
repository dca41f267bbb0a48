"""The addresses of seed 000."""

from accounts.routing import route
from solutions.notifications.views import CacheViewSet, ClassifyViewSet, HealthViewSet, ModelViewSet

api_urlpatterns = [
    route("ml/classify", ClassifyViewSet.as_view({"post": "single"}), name="ml-classify"),
    route("ml/classify/batch", ClassifyViewSet.as_view({"post": "batch"}), name="ml-classify-batch"),
    route("ml/model/info", ModelViewSet.as_view({"get": "info"}), name="ml-model-info"),
    route("ml/model/versions", ModelViewSet.as_view({"get": "list"}), name="ml-model-versions"),
    route("ml/model/version/switch", ModelViewSet.as_view({"post": "switch"}), name="ml-model-switch"),
    route("ml/model/reload", ModelViewSet.as_view({"post": "reload"}), name="ml-model-reload"),
    route("ml/model/rollback", ModelViewSet.as_view({"post": "rollback"}), name="ml-model-rollback"),
    route("ml/model/performance", ModelViewSet.as_view({"get": "performance"}), name="ml-model-performance"),
    route("ml/cache/stats", CacheViewSet.as_view({"get": "stats"}), name="ml-cache-stats"),
    route("ml/cache", CacheViewSet.as_view({"delete": "clear"}), name="ml-cache"),
    route("ml/health", HealthViewSet.as_view({"get": "health"}), name="ml-health"),
]
