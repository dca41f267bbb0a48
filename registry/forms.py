"""The admin's forms: what a person may say about a model. What the values mean is checked by the services."""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.models import User
from registry import names, recording, serving
from registry.errors import RegistryError
from registry.form_fields import JsonTextField, MetricsField, NamesField, TagsField
from registry.models import ModelVersion, RegisteredModel, Task, Visibility

HANDLERS = [("tabular", "Tabular rows"), ("text", "Text"), ("tensor", "Tensors")]
_FOUND_OUT = ("", "Found out from the file")
_RECORDING_FIELDS = frozenset(recording.NAMES)
_SERVING_FIELDS = frozenset({"load_policy", "fallback", *serving.LOWEST_AND_HIGHEST})


class ServiceForm(forms.BaseForm):
    """A form whose values a service judges."""

    def refuse(self, error: RegistryError) -> None:
        """Show a domain error beside the field it is about."""
        field = error.details.get("field")
        self.add_error(field if field in self.fields else None, forms.ValidationError(error.message, code=error.code))


class UploadForm(ServiceForm, forms.Form):
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
    metrics = MetricsField()
    version_tags = TagsField(label="Tags of this version")
    notes = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 2, "placeholder": "Trained on the data of May"}),
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


class ModelSettingsForm(ServiceForm, forms.ModelForm):
    """What its owner may change of a model."""

    tags = TagsField()
    record_redacted = NamesField(label="Never write down", help_text="Names of inputs, one in a line.")
    fallback = JsonTextField(
        label="Fallback (JSON)",
        required=False,
        widget=UnfoldAdminTextInputWidget({"placeholder": '"unknown"'}),
        help_text="The prediction given, marked as degraded, when the model fails, is too slow or overloaded.",
    )

    class Meta:
        model = RegisteredModel
        fields = [
            "description", "tags", "visibility", "max_batch_rows", *recording.NAMES,
            "load_policy", "deadline_ms", "cache_ttl_seconds", "max_concurrent", "max_queued",
            "batch_max_rows", "batch_wait_ms", "fallback",
        ]  # fmt: skip
        labels = {
            "max_batch_rows": "Most rows per request",
            "record_policy": "Keep in the records",
            "record_batches": "Keep batches too",
            "record_sample_rate": "Keep data of this share of requests",
            "record_retention_days": "Delete records after days",
            "load_policy": "Load",
            "deadline_ms": "Deadline in ms",
            "cache_ttl_seconds": "Keep answers for seconds",
            "max_concurrent": "Calls at once",
            "max_queued": "Requests that may wait",
            "batch_max_rows": "Rows of several requests in one call",
            "batch_wait_ms": "Wait for more rows, ms",
        }
        widgets = {
            "description": UnfoldAdminTextareaWidget({"rows": 3}),
            "visibility": UnfoldAdminSelectWidget,
            "max_batch_rows": UnfoldAdminIntegerFieldWidget({"min": 1, "max": 10_000}),
            "record_policy": UnfoldAdminSelectWidget,
            "record_batches": UnfoldBooleanWidget,
            "record_sample_rate": UnfoldAdminDecimalFieldWidget({"min": 0, "max": 1, "step": "any"}),
            "record_retention_days": UnfoldAdminIntegerFieldWidget(
                {"min": 0, "max": recording.MAX_DAYS, "placeholder": "the platform's"}
            ),
            "load_policy": UnfoldAdminSelectWidget,
            **{
                name: UnfoldAdminIntegerFieldWidget({"min": low, "max": high, "placeholder": "the platform's"})
                for name, (low, high) in serving.LOWEST_AND_HIGHEST.items()
            },
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.initial.get("fallback")
        self.initial["fallback"] = "" if known is None else json.dumps(known)

    def about(self) -> list[forms.BoundField]:
        """The fields everybody sets."""
        return [field for field in self if field.name not in _SERVING_FIELDS | _RECORDING_FIELDS]

    def recording(self) -> list[forms.BoundField]:
        """The fields that say what the records keep."""
        return [field for field in self if field.name in _RECORDING_FIELDS]

    def serving(self) -> list[forms.BoundField]:
        """The fields that say how the model is served; each has a default of the platform's."""
        return [field for field in self if field.name in _SERVING_FIELDS]

    def clean_record_redacted(self) -> Any:
        """Few, short names."""
        value = self.cleaned_data["record_redacted"]
        if problem := recording.redacted_problem(value):
            raise forms.ValidationError(problem, code="invalid")
        return value

    def clean_fallback(self) -> Any:
        """One plain prediction, or None."""
        value = self.cleaned_data["fallback"]
        if problem := serving.fallback_problem(value):
            raise forms.ValidationError(problem, code="invalid")
        return value

    def changes(self) -> dict[str, Any]:
        """The values that were changed, as `services.change_model` takes them."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class DescriptionForm(ServiceForm, forms.ModelForm):
    """What people say about a version."""

    metrics = MetricsField()
    tags = TagsField()

    class Meta:
        model = ModelVersion
        fields = ["notes", "metrics", "tags"]
        widgets = {"notes": UnfoldAdminTextareaWidget({"rows": 3})}

    def changes(self) -> dict[str, Any]:
        """The values that were changed, as `services.describe_version` takes them."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class NoteForm(forms.Form):
    """Why something is done, for the history."""

    note = forms.CharField(
        label="Why (optional)",
        required=False,
        max_length=2_000,
        widget=UnfoldAdminTextareaWidget({"rows": 2, "placeholder": "Kept in the history"}),
    )
