"""Inference's pages in the admin. Mounted below admin/ before the admin's own."""

from django.contrib import admin
from django.urls import path

from inference import admin_compare, admin_try, admin_views
from inference.batch import admin_pages as batch

urlpatterns = [
    path("versions/<int:pk>/activate/", admin.site.admin_view(admin_views.activate), name="admin-activate"),
    path(
        "versions/<int:pk>/activation/",
        admin.site.admin_view(admin_views.activation_progress),
        name="admin-activation-progress",
    ),
    path("versions/<int:pk>/trust/", admin.site.admin_view(admin_views.trust), name="admin-trust"),
    path("versions/<int:pk>/try/", admin.site.admin_view(admin_try.try_version), name="admin-try"),
    path("versions/<int:pk>/batch/", admin.site.admin_view(batch.send), name="admin-batch-send"),
    path("batch/", admin.site.admin_view(batch.jobs), name="admin-batch"),
    path("batch/<uuid:pk>/", admin.site.admin_view(batch.job), name="admin-batch-job"),
    path("batch/<uuid:pk>/cancel/", admin.site.admin_view(batch.cancel), name="admin-batch-cancel"),
    path("batch/<uuid:pk>/results/", admin.site.admin_view(batch.results), name="admin-batch-results"),
    path("models/<int:pk>/compare/", admin.site.admin_view(admin_compare.compare), name="admin-compare"),
    path("models/<int:pk>/rollback/", admin.site.admin_view(admin_views.rollback), name="admin-rollback"),
]
