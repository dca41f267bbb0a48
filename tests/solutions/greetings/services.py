"""What the solution does."""

from typing import Any

from accounts.principal import Principal
from solutions import asking


def judge(*, text: str, by: Principal, request_id: str) -> dict[str, Any]:
    """Raises NotTrained, and what a prediction raises."""
    answer = asking.ask(principal=by, model="greetings", read=lambda: asking.rows([text]), request_id=request_id)
    return {"manner": answer.predictions.predictions[0], "version": answer.served.number}
