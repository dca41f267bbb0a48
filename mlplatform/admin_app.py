from django.contrib.admin.apps import AdminConfig


class PlatformAdminConfig(AdminConfig):
    """The admin with the platform's own site."""

    default_site = "mlplatform.admin_site.PlatformAdminSite"
