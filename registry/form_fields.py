"""Fields of the admin's forms that hold more than a text: JSON, tags, metrics."""

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts import strict_json
from accounts.errors import BodyMalformed, BodyValueInvalid

_METRIC = re.compile(r"(?P<name>[^=]+?)\s*=\s*(?P<value>[^\s()]+)\s*(?:\((?P<dataset>[^()]+)\))?")


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

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compares the texts: what was shown and what came back."""
        return str(initial or "").strip() != str(data or "").strip()


class TagsField(forms.CharField):
    """Tags with commas between them; a list without doubles. How long one may be, the service says."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "help_text": "Separated by commas.", **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return list(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))

    def run_validators(self, value: Any) -> None:
        """The value is no text any more."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


class NamesField(forms.CharField):
    """Names, one in a line (a name may hold a comma); a list without doubles."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "widget": UnfoldAdminTextareaWidget({"rows": 2}), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (super().to_python(value) or "").splitlines()
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def run_validators(self, value: Any) -> None:
        """The value is no text any more."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


class MetricsField(forms.CharField):
    """Metrics, one in a line: `auc = 0.93 (test)`; a list of names, values and data sets."""

    widget = UnfoldAdminTextareaWidget

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextareaWidget({"rows": 3, "placeholder": "accuracy = 0.95\nauc = 0.93 (test)"})
        help_text = "One in a line: name = value, and the data set in brackets."
        super().__init__(**{"required": False, "widget": widget, "help_text": help_text, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(_line(metric) for metric in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [_metric(line) for line in (super().to_python(value) or "").splitlines() if line.strip()]

    def run_validators(self, value: Any) -> None:
        """The value is no text any more."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(str(data or "").strip() != self.prepare_value(initial or []))


def _line(metric: dict[str, Any]) -> str:
    dataset = f" ({metric['dataset']})" if metric.get("dataset") else ""
    return f"{metric['name']} = {metric['value']}{dataset}"


def _metric(line: str) -> dict[str, Any]:
    found = _METRIC.fullmatch(line.strip())
    try:
        value = strict_json.loads((found["value"] if found else "").encode())
    except (BodyMalformed, BodyValueInvalid):
        value = None
    if found is None or isinstance(value, bool) or not isinstance(value, int | float):
        raise forms.ValidationError("“%(line)s” is not a name = a number.", code="invalid", params={"line": line})
    return {"name": found["name"], "value": value, "dataset": found["dataset"] or ""}
