"""Inference's pages in the admin. Mounted below admin/ before the admin's own."""

from django.contrib import admin
from django.urls import path

from inference import admin_compare, admin_try, admin_views

urlpatterns = [
    path("versions/<int:pk>/activate/", admin.site.admin_view(admin_views.activate), name="admin-activate"),
    path(
        "versions/<int:pk>/activation/",
        admin.site.admin_view(admin_views.activation_progress),
        name="admin-activation-progress",
    ),
    path("versions/<int:pk>/trust/", admin.site.admin_view(admin_views.trust), name="admin-trust"),
    path("versions/<int:pk>/try/", admin.site.admin_view(admin_try.try_version), name="admin-try"),
    path("models/<int:pk>/compare/", admin.site.admin_view(admin_compare.compare), name="admin-compare"),
    path("models/<int:pk>/rollback/", admin.site.admin_view(admin_views.rollback), name="admin-rollback"),
]
