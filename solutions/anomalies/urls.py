"""The address of seed 002."""

from accounts.routing import route
from solutions.anomalies.views import AnomalyViewSet

root_urlpatterns = [route("predict/anomaly", AnomalyViewSet.as_view({"post": "create"}), name="predict-anomaly")]
