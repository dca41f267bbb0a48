"""The address of seed 002."""

from accounts.routing import route
from solutions.intents.views import IntentViewSet

root_urlpatterns = [route("predict/intent", IntentViewSet.as_view({"post": "create"}), name="predict-intent")]
