"""The admin's forms: what a person may say about a model. What the values mean is checked by the services."""

from typing import Any

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts import strict_json
from accounts.errors import BodyMalformed, BodyValueInvalid
from accounts.models import User
from registry import names
from registry.errors import RegistryError
from registry.models import RegisteredModel, Task, Visibility

HANDLERS = [("tabular", "Tabular rows"), ("text", "Text"), ("tensor", "Tensors")]
_FOUND_OUT = ("", "Found out from the file")
_MAX_TAG_LENGTH = 50


class JsonTextField(forms.CharField):
    """A text area that holds JSON; empty means None."""

    widget = UnfoldAdminTextareaWidget

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return strict_json.loads(text.encode())
        except (BodyMalformed, BodyValueInvalid) as error:
            raise forms.ValidationError(error.message.replace("The body", "This", 1), code=error.code) from error

    def run_validators(self, value: Any) -> None:
        """The value is no text any more, so the validators of texts don't apply."""


class UploadForm(forms.Form):
    """A model file and what the uploader says about it."""

    file = forms.FileField(label="Model file", required=False, allow_empty_file=True)
    name = forms.CharField(
        label="Model name",
        max_length=names.MAX_LENGTH,
        widget=UnfoldAdminTextInputWidget({"placeholder": "churn-risk", "autocomplete": "off", "spellcheck": "false"}),
        help_text="The name clients call. A new name makes a new model; "
        "the name of one of your models adds its next version.",
    )
    description = forms.CharField(
        required=False,
        max_length=10_000,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="What it predicts, from what, for whom. Left empty, a model keeps the description it has.",
    )
    visibility = forms.ChoiceField(
        choices=Visibility.choices,
        initial=Visibility.PRIVATE,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Who besides you and staff may see and call a new model. An existing model keeps its own.",
    )
    task = forms.ChoiceField(choices=[_FOUND_OUT, *Task.choices], required=False, widget=UnfoldAdminSelectWidget)
    handler = forms.ChoiceField(
        label="Input", choices=[_FOUND_OUT, *HANDLERS], required=False, widget=UnfoldAdminSelectWidget
    )
    sample = JsonTextField(
        label="Sample rows (JSON)",
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 4, "placeholder": "[[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3]]"}),
        help_text="A list of rows: lists, objects by column name, or texts. "
        "The compiled model must answer them as yours does.",
    )
    expected = JsonTextField(
        label="Expected predictions (JSON)",
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 2, "placeholder": '["setosa", "versicolor"]'}),
        help_text="One prediction for each sample row. The version fails when it says anything else.",
    )
    trusted = forms.BooleanField(
        label="I trust this file",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="If it can't be compiled, it may run as native code in the serving processes. "
        "Your name is kept with this decision.",
    )

    def __init__(
        self,
        *args: Any,
        user: User,
        model: RegisteredModel | None = None,
        is_too_large: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._is_too_large = is_too_large
        if model is not None:
            self.fields["name"].initial = model.name
        if not user.has_perm("registry.upload_trusted_model"):
            del self.fields["trusted"]

    def clean_file(self) -> Any:
        """The file itself. One that is over the limit was not kept on its way in."""
        if self._is_too_large:
            limit = filesizeformat(settings.MAX_ARTIFACT_BYTES)
            raise forms.ValidationError(
                f"The file is larger than {limit}, the most this platform accepts.", code="artifact_too_large"
            )
        file = self.cleaned_data.get("file")
        if file is None:
            raise forms.ValidationError("Choose a model file.", code="required")
        return file

    def upload(self) -> dict[str, Any]:
        """The cleaned values as `services.upload_version` takes them."""
        values = dict(self.cleaned_data)
        return {**values, "filename": values["file"].name or ""}

    def refuse(self, error: RegistryError) -> None:
        """Show a domain error beside the field it is about."""
        field = error.details.get("field")
        self.add_error(field if field in self.fields else None, forms.ValidationError(error.message, code=error.code))


class ModelSettingsForm(forms.ModelForm):
    """What its owner may change of a model."""

    tags = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget, help_text="Separated by commas.")

    class Meta:
        model = RegisteredModel
        fields = ["description", "tags", "visibility", "max_batch_rows", "record_policy", "record_batches"]
        labels = {
            "max_batch_rows": "Most rows per request",
            "record_policy": "Keep in the records",
            "record_batches": "Keep batches too",
        }
        widgets = {
            "description": UnfoldAdminTextareaWidget({"rows": 3}),
            "visibility": UnfoldAdminSelectWidget,
            "max_batch_rows": UnfoldAdminIntegerFieldWidget({"min": 1, "max": 10_000}),
            "record_policy": UnfoldAdminSelectWidget,
            "record_batches": UnfoldBooleanWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tags"] = ", ".join(self.instance.tags or [])

    def clean_tags(self) -> list[str]:
        """The tags as a list without doubles."""
        tags = list(dict.fromkeys(tag.strip() for tag in self.cleaned_data["tags"].split(",") if tag.strip()))
        if any(len(tag) > _MAX_TAG_LENGTH for tag in tags):
            raise forms.ValidationError(f"A tag has at most {_MAX_TAG_LENGTH} characters.", code="invalid")
        return tags

    def changes(self) -> dict[str, Any]:
        """The values that were changed, as `services.change_model` takes them."""
        return {name: self.cleaned_data[name] for name in self.changed_data}
