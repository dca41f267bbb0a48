from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Do it: load models, run them, prove them."""

    name = "inference"
    verbose_name = "Inference"
