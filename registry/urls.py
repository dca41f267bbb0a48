"""The registry's part of /api/v1."""

from accounts.routing import route
from registry.download_views import DownloadViewSet
from registry.upload_views import UploadView
from registry.version_views import VersionViewSet
from registry.views import ModelViewSet

api_urlpatterns = [
    route("models/upload", UploadView.as_view({"post": "create"}), name="api-upload"),
    route("models", ModelViewSet.as_view({"get": "list"}), name="api-models"),
    route(
        "models/<str:ref>",
        ModelViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="api-model",
    ),
    route("models/<str:ref>/history", ModelViewSet.as_view({"get": "history"}), name="api-history"),
    route("models/<str:ref>/restore", ModelViewSet.as_view({"post": "restore"}), name="api-model-restore"),
    route("models/<str:ref>/versions", VersionViewSet.as_view({"get": "list"}), name="api-versions"),
    route(
        "models/<str:ref>/versions/<int:number>",
        VersionViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="api-version",
    ),
    route(
        "models/<str:ref>/versions/<int:number>/report",
        VersionViewSet.as_view({"get": "report"}),
        name="api-report",
    ),
    route(
        "models/<str:ref>/versions/<int:number>/download",
        DownloadViewSet.as_view({"get": "retrieve"}),
        name="api-download",
    ),
    *(
        route(
            f"models/<str:ref>/versions/<int:number>/{step}",
            VersionViewSet.as_view({"post": step}),
            name=f"api-{step}",
        )
        for step in ("deprecate", "archive", "restore")
    ),
]
