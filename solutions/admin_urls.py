"""The solutions' pages in the admin. Mounted below admin/ before the admin's own."""

from django.contrib import admin
from django.urls import path

from solutions import admin_pages

urlpatterns = [
    path("solution/", admin.site.admin_view(admin_pages.index), name="admin-solutions"),
    path("solution/<str:name>/", admin.site.admin_view(admin_pages.show), name="admin-solution"),
]
