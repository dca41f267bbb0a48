"""A fresh process with no secrets, no network and no rights, for looking at untrusted files."""

from inference.validation.sandbox.launch import Reply, layers, run

__all__ = ["Reply", "layers", "run"]
