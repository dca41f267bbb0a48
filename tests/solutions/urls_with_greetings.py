"""The platform's addresses and those of the toy solution."""

from mlplatform import urls
from tests.solutions.greetings.urls import root_urlpatterns

handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
urlpatterns = [*root_urlpatterns, *urls.urlpatterns]
