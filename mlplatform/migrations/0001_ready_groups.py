"""The groups that come with the platform. An administrator may change them; no later migrate puts them back."""

from django.db import migrations

SEES = (
    ("registry", "registeredmodel", "view", "Can view model"),
    ("registry", "modelversion", "view", "Can view version"),
    ("registry", "deployment", "view", "Can view deployment"),
    ("monitoring", "predictionlog", "view", "Can view prediction"),
)
OWN_KEYS = (
    ("accounts", "apikey", "view", "Can view API key"),
    ("accounts", "apikey", "add", "Can add API key"),
    ("accounts", "apikey", "change", "Can change API key"),
)
UPLOADS = (("registry", "registeredmodel", "upload_model", "Can upload models"),)
OPERATES = (("registry", "registeredmodel", "activate_model", "Can activate and roll back any model"),)
SEES_AUDIT = (("accounts", "auditevent", "view", "Can view audit event"),)

GROUPS = {
    "Data scientist": (*SEES, *OWN_KEYS, *UPLOADS),
    "Operator": (*SEES, *OWN_KEYS, *OPERATES, *SEES_AUDIT),
    "Viewer": SEES,
    # Calling models needs no right of its own: the scope of a key and the model's visibility decide.
    "Client": (),
}


def create(apps, schema_editor):
    """Make the groups that are missing. A group of that name that exists is left as it is."""
    Group = apps.get_model("auth", "Group")
    for name, rights in GROUPS.items():
        group, is_new = Group.objects.get_or_create(name=name)
        if is_new:
            group.permissions.set([_permission(apps, *right) for right in rights])


def _permission(apps, app_label, model, codename, title):
    """The permission's row, which on a new database nobody has made yet; who comes later finds it."""
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    content_type, _ = ContentType.objects.get_or_create(app_label=app_label, model=model)
    full = f"{codename}_{model}" if codename in ("view", "add", "change") else codename
    found, _ = Permission.objects.get_or_create(
        content_type=content_type, codename=full, defaults={"name": title}
    )
    return found


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("accounts", "0003_audit_trail"),
        ("registry", "0001_initial"),
        ("monitoring", "0001_initial"),
    ]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
