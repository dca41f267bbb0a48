"""The one error of this room."""


class NotCovered(Exception):
    """The model has a part that the linear form cannot hold; the message says which."""
