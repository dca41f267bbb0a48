from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Do it: load models, run them, prove them."""

    name = "inference"
    verbose_name = "Inference"

    def ready(self) -> None:
        from django.conf import settings

        from inference import clearing
        from inference.handlers import picture_limits
        from inference.runtimes import devices
        from monitoring import erasure

        erasure.also("remembered answers", clearing.erase)
        devices.torch_device = settings.TORCH_DEVICE
        picture_limits.max_bytes = settings.IMAGE_MAX_BYTES
        picture_limits.max_pixels = settings.IMAGE_MAX_PIXELS

        from inference.explaining import panel

        panel.put_up()
