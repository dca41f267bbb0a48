"""The solutions' pages in the admin. Mounted below admin/ before the admin's own."""

from django.contrib import admin
from django.urls import path

from solutions import admin_pages, admin_training

urlpatterns = [
    path("solution/", admin.site.admin_view(admin_pages.index), name="admin-solutions"),
    path("solution/<str:name>/", admin.site.admin_view(admin_pages.show), name="admin-solution"),
    path("solution/<str:name>/train/", admin.site.admin_view(admin_training.train), name="admin-solution-train"),
    path("training/<int:pk>/cancel/", admin.site.admin_view(admin_training.cancel), name="admin-training-cancel"),
]
