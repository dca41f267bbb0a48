"""Wire shapes. A picture is base64 in a JSON body, or a file in a multipart form; which of the two, the reader says."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import StrictSerializer
from registry.serializers import JsonText

_PARAMS_HELP = "Conversion parameters by name; what is left out has vtracer's default."
_SUBJECT_LENGTH = 200


@extend_schema_field(OpenApiTypes.OBJECT)
class Settings(serializers.Field[Any, Any, Any, Any]):
    """An object that the service judges, name by name."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class _Asked(StrictSerializer):
    use_cache = serializers.BooleanField(
        required=False, default=True, help_text="False: neither read nor fill the prediction cache."
    )
    subject_id = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=_SUBJECT_LENGTH, help_text="Whom it is about."
    )


class ClassifyRequest(_Asked):
    """One picture."""

    image = serializers.CharField(trim_whitespace=False, help_text="PNG, JPEG, WebP or GIF in base64, or a data: URL.")


class QualityRequest(ClassifyRequest):
    """One picture and how it would be converted."""

    params = Settings(required=False, default=dict, help_text=_PARAMS_HELP)


class QualityBatchRequest(_Asked):
    """Several pictures, each with its parameters."""

    images = serializers.ListField(child=serializers.CharField(trim_whitespace=False), help_text="As `image`, each.")
    params = Settings(
        required=False,
        default=dict,
        help_text=f"{_PARAMS_HELP} One object for all pictures, or a list with one for each.",
    )


class ClassifyForm(_Asked):
    """The same as a multipart form."""

    image = serializers.FileField(allow_empty_file=True)


class QualityForm(ClassifyForm):
    params = JsonText(required=False, default=dict, help_text=_PARAMS_HELP)


class QualityBatchForm(_Asked):
    image = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), help_text="The field once for each picture."
    )
    params = JsonText(required=False, default=dict, help_text="One object for all pictures, or a list of objects.")


class _Answer(serializers.Serializer[Any]):
    model = serializers.CharField()
    version = serializers.IntegerField(allow_null=True, help_text="null: no model answered.")
    prediction_id = serializers.UUIDField(allow_null=True)
    inference_time_ms = serializers.FloatField()
    from_cache = serializers.BooleanField()
    request_id = serializers.CharField()


class QualityAnswer(_Answer):
    """How much of the picture a conversion keeps."""

    ssim = serializers.FloatField(min_value=0, max_value=1)
    params = serializers.DictField(child=serializers.FloatField(), help_text="All eight, with what was assumed.")
    degraded = serializers.BooleanField(help_text="True: a rule of thumb from the parameters alone, not the model.")
    degraded_reason = serializers.CharField(allow_blank=True)


class QualityResult(serializers.Serializer[Any]):
    ssim = serializers.FloatField(min_value=0, max_value=1)
    params = serializers.DictField(child=serializers.FloatField())


class QualityBatchAnswer(_Answer):
    """The same for several pictures, in their order."""

    results = QualityResult(many=True)
    count = serializers.IntegerField()
    degraded = serializers.BooleanField()
    degraded_reason = serializers.CharField(allow_blank=True)


class ClassifyAnswer(_Answer):
    """What kind of logo it is."""

    label = serializers.CharField()  # type: ignore[assignment] # the name of a field of DRF, too
    confidence = serializers.FloatField()
    probabilities = serializers.DictField(child=serializers.FloatField())
    degraded = serializers.BooleanField()
