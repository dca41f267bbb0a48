"""Whether the solution can answer, as the platform's own health tells it, about this model alone."""

from typing import Any

from rest_framework import serializers

from accounts.principal import Principal
from inference import health_details
from solutions.notifications import MODEL

_ANSWERING = ("healthy", "loading")


class ClassifierHealthSerializer(serializers.Serializer[Any]):
    """Over all processes."""

    status = serializers.CharField(help_text="ok, degraded or unavailable.")
    scope = serializers.CharField()
    model = serializers.CharField()
    model_status = serializers.CharField(help_text="healthy, loading, failing, damaged, quarantined or not_live.")
    model_loaded = serializers.BooleanField()
    model_version = serializers.IntegerField(allow_null=True)
    uptime_seconds = serializers.FloatField()
    version = serializers.CharField(allow_null=True, help_text="The platform's.")
    models = serializers.DictField()
    cache = serializers.DictField()
    memory = serializers.DictField()
    processes = serializers.DictField()


def collect(by: Principal) -> tuple[dict[str, Any], bool]:
    """The body, and whether the model can be answered."""
    names = {MODEL} if by.may_use_model(MODEL) else set()
    told, _ = health_details.collect(by.user, only=names)
    model = told["models"].get(MODEL) or {"status": "not_live", "version": None, "loaded_in": 0}
    is_healthy = model["status"] in _ANSWERING and told["processes"]["ready"] > 0
    is_whole = model["status"] == "healthy" and not told["processes"]["not_ready"]
    body = {
        "status": ("ok" if is_whole else "degraded") if is_healthy else "unavailable",
        "scope": told["scope"],
        "model": MODEL,
        "model_status": model["status"],
        "model_loaded": model["loaded_in"] > 0,
        "model_version": model["version"],
        **{name: told[name] for name in ("uptime_seconds", "version", "models", "cache", "memory", "processes")},
    }
    return body, is_healthy


def refusal(request_id: str) -> dict[str, Any]:
    """The envelope of every 503; here the body goes on with what is known."""
    return {
        "error": {
            "code": "models_unavailable",
            "message": f"{MODEL} can be answered by no process.",
            "details": {},
            "request_id": request_id,
        }
    }
