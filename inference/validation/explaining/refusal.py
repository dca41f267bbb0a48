"""Why a model gets no plan."""


class NotCovered(Exception):
    """The model, or a part of it, can't be taken apart. The words are for the uploader."""
