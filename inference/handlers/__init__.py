"""Handlers: what a kind of input means before and after the model. Dotted paths, imported on first use."""

from functools import cache
from importlib import import_module

from inference.handlers.base import Handler, Payload, Predictions

__all__ = ["HANDLERS", "Handler", "Payload", "Predictions", "get"]

HANDLERS = {
    "tabular": "inference.handlers.tabular.TabularHandler",
    "text": "inference.handlers.text.TextHandler",
    "tensor": "inference.handlers.tensor.TensorHandler",
}


@cache
def get(name: str) -> Handler:
    """The one instance of the handler called `name`. Raises KeyError for an unknown name."""
    module_name, _, class_name = HANDLERS[name].rpartition(".")
    handler: Handler = getattr(import_module(module_name), class_name)()
    return handler
