"""Forms of the admin: people, and API keys as they are asked for."""

from typing import Any

from django import forms
from unfold.forms import AuthenticationForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from accounts import services
from accounts.errors import CredentialInvalid, KeyRequestInvalid, SignInLocked
from accounts.models import ApiKey, Scope, User
from accounts.sign_in import sign_in


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


class StaffSignInForm(AuthenticationForm):
    """The admin's door: counted, locked and written down like every other one."""

    retry_after_seconds: int | None = None

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            try:
                self.user_cache = sign_in(
                    email=email, password=password, door="admin", staff_only=True, request=self.request
                )
            except SignInLocked as error:
                self.retry_after_seconds = error.details["retry_after_seconds"]
                raise forms.ValidationError(error.message, code=error.code) from None
            except CredentialInvalid:
                raise self.get_invalid_login_error() from None
        return self.cleaned_data


class ApiKeyForm(forms.ModelForm):
    """What a new key may do. The service decides whether `by`, who is signed in, may grant it."""

    by: User
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
            "by": self.by,
            "owner": cleaned["owner"],
            "name": cleaned["name"],
            "scopes": cleaned["scopes"],
            "model_names": cleaned["models"],
            "expires_at": cleaned.get("expires_at"),
            "rate_limit": cleaned.get("rate_limit"),
        }
