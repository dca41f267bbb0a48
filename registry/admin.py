"""The registry in the admin."""

from registry.admin_models import RegisteredModelAdmin
from registry.admin_versions import ModelVersionAdmin

__all__ = ["ModelVersionAdmin", "RegisteredModelAdmin"]
