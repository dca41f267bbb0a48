"""What a solution's page in the admin asks and shows. A solution fills in `PAGE` in its `page` room."""

import json
from typing import Any

from django import forms

from accounts.principal import Principal


class Page:
    """form_class: the fields of one question. answer_template: shows `answer`, what `ask` returned.

    path: the call of the API that does the same. extra_template: more about the solution, below the form; `extra`
    gives it its context.
    """

    form_class: type[forms.Form]
    answer_template: str
    path: str
    extra_template: str = ""

    def ask(self, *, fields: dict[str, Any], principal: Principal, request_id: str) -> Any:
        """The answer to the form's checked fields; asked as the API asks, by the solution's services.

        What it raises is told in the words of the API.
        """
        raise NotImplementedError

    def body(self, fields: dict[str, Any]) -> Any:
        """The same question as the JSON body of the call; None where it has another kind of body."""
        return fields

    def curl(self, fields: dict[str, Any], *, origin: str) -> str:
        """The same question as a command to copy."""
        quoted = json.dumps(self.body(fields), ensure_ascii=False).replace("'", "'\\''")
        return (
            f"curl -X POST {origin}{self.path} \\\n"
            '  -H "X-API-Key: $API_KEY" \\\n'
            '  -H "Content-Type: application/json" \\\n'
            f"  -d '{quoted}'"
        )

    def examples(self) -> list[dict[str, Any]]:
        """Questions to begin with: the values of the form's fields."""
        return []

    def extra(self, *, user: Any) -> dict[str, Any]:
        """More for the page's context."""
        return {}
