"""Forms of the admin: people, and API keys as they are asked for."""

from typing import Any

from django import forms
from unfold.forms import UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from accounts import services
from accounts.errors import KeyRequestInvalid
from accounts.models import ApiKey, Scope, User


class PersonCreationForm(UserCreationForm):
    """A new person, known by e-mail address; the username follows it."""

    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        if User.objects.filter(username=email).exists() or User.objects.filter(email=email).exists():
            raise forms.ValidationError("There is already a user with this e-mail address.", code="unique")
        return email

    def _post_clean(self) -> None:
        # Before the model's own checks, which want a username.
        self.instance.username = self.cleaned_data.get("email", "")
        super()._post_clean()


class ApiKeyForm(forms.ModelForm):
    """What a new key may do. The service decides whether it may be granted."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget)
    models = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        label="Limited to models",
        help_text="Names, separated by commas; empty means all.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "owner", "scopes", "models", "rate_limit", "expires_at")

    def clean_models(self) -> list[str]:
        return [name.strip() for name in self.cleaned_data["models"].split(",") if name.strip()]

    def clean(self) -> dict[str, Any]:
        super().clean()
        if not self.errors:
            try:
                services.check_key_request(**self.asked())
            except KeyRequestInvalid as error:
                field = next(iter(error.details["fields"]))
                self.add_error(field if field in self.fields else None, error.message)
        return self.cleaned_data

    def asked(self) -> dict[str, Any]:
        """What the form asks for, in the service's words."""
        cleaned = self.cleaned_data
        return {
            "owner": cleaned["owner"],
            "name": cleaned["name"],
            "scopes": cleaned["scopes"],
            "model_names": cleaned["models"],
            "expires_at": cleaned.get("expires_at"),
            "rate_limit": cleaned.get("rate_limit"),
        }
