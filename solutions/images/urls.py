"""The solution's doors, below api/v1/."""

from accounts.routing import route
from solutions.images.views import ImagesViewSet

api_urlpatterns = [
    route("images/quality", ImagesViewSet.as_view({"post": "quality"}), name="images-quality"),
    route("images/quality/batch", ImagesViewSet.as_view({"post": "batch"}), name="images-quality-batch"),
    route("images/classify", ImagesViewSet.as_view({"post": "classify"}), name="images-classify"),
]
