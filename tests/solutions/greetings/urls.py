from accounts.routing import route
from tests.solutions.greetings.views import GreetingViewSet

root_urlpatterns = [route("predict/greeting", GreetingViewSet.as_view({"post": "create"}), name="greeting")]
