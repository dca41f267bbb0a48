"""The page of this solution in the admin: drop a picture, move the parameters, see what is told of both."""

import json
from functools import cache
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.principal import Principal
from solutions.errors import NotTrained
from solutions.images import FAMILIES, FAMILY, answers, parameters, services, training
from solutions.images.services import Asked
from solutions.page import Page


def _number(one: parameters.Parameter) -> forms.Field:
    return forms.FloatField(
        label=one.name,
        initial=one.default,
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal", "autocomplete": "off"}),
        help_text=f"{one.lowest:g} to {one.highest:g}: {one.meaning}",
    )


class ImageForm(forms.Form):
    """A picture, or one of the shipped logos, and the eight parameters."""

    image = forms.FileField(
        label="Picture",
        required=False,
        allow_empty_file=True,
        widget=UnfoldAdminFileFieldWidget({"accept": "image/png,image/jpeg,image/webp,image/gif"}),
        help_text="PNG, JPEG, WebP or GIF. Drop one here.",
    )
    logo = forms.ChoiceField(
        label="Or a drawn logo", required=False, widget=UnfoldAdminSelectWidget, help_text="Held out from training."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        logo: Any = self.fields["logo"]
        logo.choices = [("", "–"), *((name, name) for name in logos())]
        for one in parameters.PARAMETERS:
            self.fields[one.name] = _number(one)

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or {}
        if not fields.get("image") and not fields.get("logo"):
            raise forms.ValidationError("Choose a picture or a drawn logo.", code="required")
        return fields


class ImagesPage(Page):
    form_class, answer_template, path = ImageForm, "solutions/images/answer.html", "/api/v1/images/quality"
    extra_template = "solutions/images/more.html"

    def ask(self, *, fields: dict[str, Any], principal: Principal, request_id: str) -> Any:
        """What all three models say of the picture; a model that is not live says nothing."""
        image, asked = _picture(fields), Asked(principal, request_id)
        judged = services.judge(images=[image], params=_params(fields), asked=asked)
        told = answers.of_quality(judged, asked)
        return {
            **told,
            "picture": services.thumbnail(image),
            "family": _or_nothing(lambda: answers.of_family(services.classify(image=image, asked=asked), asked)),
            "advice": _or_nothing(lambda: services.advise(image=image, asked=asked)),
        }

    def curl(self, fields: dict[str, Any], *, origin: str) -> str:
        given = json.dumps(_params(fields))
        return (
            f"curl -X POST {origin}{self.path} \\\n"
            '  -H "X-API-Key: $API_KEY" \\\n'
            "  -F image=@logo.png \\\n"
            f"  -F 'params={given}'"
        )

    def examples(self) -> list[dict[str, Any]]:
        defaults = {one.name: one.default for one in parameters.PARAMETERS}
        coarse = {**defaults, "color_precision": 2, "filter_speckle": 16, "layer_difference": 64}
        return [{"logo": name, **(coarse if at % 2 else defaults)} for at, name in enumerate(logos())]


@cache
def logos() -> dict[str, str]:
    """The shipped logos in base64 by the family they were drawn for: the sample of the classifier, family by family."""
    one = next(one for one in training.shipped() if one.name == FAMILY)
    count = len(FAMILIES)
    return {f"{FAMILIES[at % count]} {1 + at // count}": image for at, image in enumerate(one.sample)}


def _picture(fields: dict[str, Any]) -> str:
    file = fields.get("image")
    if file:
        return services.read_file(file, file.size, path="image")
    return logos()[fields["logo"]] if fields.get("logo") else ""


def _params(fields: dict[str, Any]) -> dict[str, Any]:
    """The numbers that differ from the defaults."""
    found = {}
    for one in parameters.PARAMETERS:
        value = fields.get(one.name, one.default)
        if value is not None and value != one.default:
            found[one.name] = int(value) if one.is_whole and value == int(value) else value
    return found


def _or_nothing(ask: Any) -> Any:
    try:
        return ask()
    except NotTrained:
        return None


PAGE = ImagesPage()
