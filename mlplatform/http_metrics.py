"""django-prometheus' counts of requests, cut down to what is read and bounded in every label.

Requests that the fast lane answers do not come by here: they are in `ml_prediction_total`. Neither do /health and
/ready, which are asked by machines all day.
"""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_prometheus.middleware import Metrics, PrometheusAfterMiddleware, PrometheusBeforeMiddleware
from django_prometheus.utils import Time

# Of every request, whichever middleware answered it; the others know the view.
REQUESTS = "django_http_requests_before_middlewares_total"
RESPONSES = "django_http_responses_total_by_status"
LATENCY = "django_http_requests_latency_including_middlewares_seconds"
KEPT = frozenset(
    {
        REQUESTS,
        RESPONSES,
        LATENCY,
        "django_http_requests_latency_seconds_by_view_method",
        "django_http_responses_total_by_status_view_method",
        "django_http_exceptions_total_by_type",
        "django_http_exceptions_total_by_view",
    }
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_OTHER = "other"


class _Nothing:
    """A metric that is not kept: each would cost every request."""

    def labels(self, *args: Any, **labels: Any) -> "_Nothing":
        return self

    def inc(self, amount: float = 1) -> None:
        return

    def observe(self, amount: float) -> None:
        return


class KeptMetrics(Metrics):
    """The library's declarations; those that are not in KEPT count nothing and are never exported."""

    def register_metric(
        self, metric_cls: Any, name: str, documentation: str, labelnames: Any = (), **options: Any
    ) -> Any:
        if name not in KEPT:
            return _Nothing()
        return super().register_metric(metric_cls, name, documentation, labelnames=labelnames, **options)


class Before(PrometheusBeforeMiddleware):
    """Around all other middleware: sees refusals too, which no view does."""

    metrics_cls = KeptMetrics

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        self.metrics.responses_by_status.labels(str(response.status_code)).inc()
        return super().process_response(request, response)


class After(PrometheusAfterMiddleware):
    """Next to the views: knows their names."""

    metrics_cls = KeptMetrics

    def process_request(self, request: HttpRequest) -> None:
        request.prometheus_after_middleware_event = Time()  # type: ignore[attr-defined]

    def process_view(self, request: HttpRequest, view_func: Any, *args: Any, **kwargs: Any) -> None:
        return  # counted by the answer

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        return response

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        self._count(request, self.metrics.responses_by_status_view_method, status=str(response.status_code)).inc()
        self._observe(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """The answer to it is timed as every other is."""
        self.metrics.exceptions_by_type.labels(type(exception).__name__).inc()
        self.metrics.exceptions_by_view.labels(self._get_view_name(request)).inc()

    def _observe(self, request: HttpRequest) -> None:
        began = getattr(request, "prometheus_after_middleware_event", None)
        if began is not None:
            self._count(request, self.metrics.requests_latency_by_view_method).observe(_since(began))

    def _count(self, request: HttpRequest, metric: Any, **labels: str) -> Any:
        """The library takes any word for a method in one place; a client could fill the disk with them."""
        method = request.method if request.method in _METHODS else _OTHER
        return metric.labels(view=self._get_view_name(request), method=method, **labels)


def _since(began: float) -> float:
    return float(max(0.0, Time() - began))
