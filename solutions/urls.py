"""The doors of all solutions: `api_urlpatterns` belong below api/v1/, `root_urlpatterns` below /.

Each solution's `urls` room has lists of these names; either may be left out.
"""

from django.urls import URLPattern

from solutions import catalogue


def _of_all(name: str) -> list[URLPattern]:
    rooms = [catalogue.room(solution, "urls") for solution in catalogue.SOLUTIONS]
    return [pattern for room in rooms for pattern in getattr(room, name, [])]


api_urlpatterns = _of_all("api_urlpatterns")
root_urlpatterns = _of_all("root_urlpatterns")
