"""The forms of the try-it page: one field for each input of a signature, or rows as JSON.

They judge no values. A text that is no number is handed on as it is, and the handler says what is wrong with it.
"""

import json
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts import strict_json
from accounts.errors import BodyMalformed, BodyValueInvalid
from inference.errors import InputInvalid
from inference.signature import NUMBER_DTYPES, Column, Signature
from registry import client_code
from registry.findings import KINDS
from registry.form_fields import JsonTextField

# More inputs than this are quicker to paste than to fill in.
MOST_FIELDS = 60


class CallForm(forms.Form):
    """What both forms share."""

    fresh = forms.BooleanField(
        label="Don’t answer from the cache",
        required=False,
        widget=UnfoldBooleanWidget,
    )

    def rows(self) -> list[Any]:
        """The rows to send, as a client would."""
        raise NotImplementedError

    def refuse(self, error: InputInvalid) -> None:
        """Show what the handler found beside the field it is about."""
        self.add_error(self._field_of(error), _words_of(error))

    def _field_of(self, error: InputInvalid) -> str | None:
        return None


class RowForm(CallForm):
    """One row, a field for each input: `cell_0`, `cell_1`, … (an input's own name may be anything)."""

    field_order: list[str]

    def __init__(self, *args: Any, signature: Signature, example: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._signature = signature
        cells = cells_of(example, signature)
        for at, column in enumerate(signature.inputs):
            self.fields[f"cell_{at}"] = _field(column, signature, cells[at] if at < len(cells) else None)
        self.order_fields([*(f"cell_{at}" for at in range(signature.width)), "fresh"])

    def rows(self) -> list[Any]:
        signature = self._signature
        cells = [_cell(self.cleaned_data[f"cell_{at}"], column) for at, column in enumerate(signature.inputs)]
        if signature.handler == "tabular":
            return [client_code.named(cells, list(signature.names))]
        return [cells[0] if signature.width == 1 else dict(zip(signature.names, cells, strict=True))]

    def _field_of(self, error: InputInvalid) -> str | None:
        if self._signature.width == 1:
            return "cell_0"
        return f"cell_{self._signature.index[error.column]}" if error.column in self._signature.index else None


class RowsForm(CallForm):
    """Rows as JSON, for models with many inputs and for several rows at once."""

    instances = JsonTextField(
        label="Rows (JSON)",
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 8, "spellcheck": "false"}),
        help_text="A list of rows, each a list in the order of the signature or an object with the inputs’ names.",
    )
    field_order = ["instances", "fresh"]

    def __init__(self, *args: Any, example: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["instances"].initial = "[" + json.dumps(example, ensure_ascii=False) + "]"

    def clean_instances(self) -> list[Any]:
        rows = self.cleaned_data["instances"]
        if not isinstance(rows, list) or not rows:
            raise forms.ValidationError("Give a list of rows: [[…], […]].", code="invalid")
        return rows

    def rows(self) -> list[Any]:
        return list(self.cleaned_data["instances"])

    def _field_of(self, error: InputInvalid) -> str | None:
        return "instances"


def cells_of(row: Any, signature: Signature) -> list[Any]:
    """A stored row as cells in the signature's order."""
    if isinstance(row, dict):
        return [row.get(name) for name in signature.names]
    is_list_of_cells = isinstance(row, list) and signature.handler != "tensor"
    return list(row) if is_list_of_cells else [row]


def _field(column: Column, signature: Signature, value: Any) -> forms.Field:
    facts: dict[str, Any] = {"label": column.name, "required": False}
    if column.shape:
        sizes = " × ".join("any" if size < 0 else str(size) for size in column.shape)
        facts["help_text"] = f"{KINDS.get(column.dtype, column.dtype)}s as JSON, {sizes}"
        widget = UnfoldAdminTextareaWidget({"rows": 6, "spellcheck": "false"})
        return forms.CharField(initial=json.dumps(value), widget=widget, strip=False, **facts)
    if column.one_of is not None or column.dtype == "bool":
        values = column.one_of if column.one_of is not None else (True, False)
        choices = [(json.dumps(choice), _shown(choice)) for choice in values]
        return forms.ChoiceField(initial=json.dumps(value), choices=choices, widget=UnfoldAdminSelectWidget, **facts)
    if signature.handler == "text":
        return forms.CharField(
            initial=value, widget=UnfoldAdminTextareaWidget({"rows": 5}), strip=False, **{**facts, "label": "Text"}
        )
    if column.dtype in NUMBER_DTYPES:
        facts["help_text"] = _number_help(column, signature)
        initial = None if value is None else _shown(value)
        widget = UnfoldAdminTextInputWidget({"inputmode": "decimal", "autocomplete": "off"})
        return forms.CharField(initial=initial, widget=widget, **facts)
    widget = UnfoldAdminTextInputWidget({"autocomplete": "off"})
    return forms.CharField(initial=value, widget=widget, strip=False, help_text="text", **facts)


def _number_help(column: Column, signature: Signature) -> str:
    """What is not to be expected of a number."""
    if not column.dtype.startswith("float"):
        return KINDS[column.dtype]
    return "may be empty" if signature.allows_missing else ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _cell(text: str, column: Column) -> Any:
    """The text of a field as the value a client would send."""
    is_plain_text = column.dtype == "string" and column.one_of is None and not column.shape
    if is_plain_text:
        return text
    if not text.strip():
        return None
    try:
        return strict_json.loads(text.strip().encode())
    except (BodyMalformed, BodyValueInvalid):
        return text


def _words_of(error: InputInvalid) -> str:
    """The handler's words without the path: the field says where."""
    if error.code == "missing_value":
        return "A value is required."
    text = error.message.removeprefix(f"{error.path}: ") if error.row in (None, 0) else error.message
    return text[:1].upper() + text[1:]
