"""PyTorch's files, told apart by the members of their archive."""

import pickletools

from registry.archives import Archive
from registry.errors import ArtifactInvalid
from registry.models import Format

# What torch.save wrote before it wrote zip files: protocol 2, then a number of ten bytes that nothing else begins with.
LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_PEEKED_BYTES = 1 << 20
_WEIGHTS = frozenset({"collections", "torch", "torch._utils", "torch._tensor", "numpy", "_codecs", "builtins"})
_NATIVE_CODE = ("data/aotinductor/", "data/executorch/")
_SAVE = "save the whole model with torch.export.save or torch.jit.save"


def recognise(archive: Archive) -> Format | None:
    """The format of an archive that PyTorch wrote; None when it is somebody else's.

    Raises ArtifactInvalid (`not_torchscript`) for files of torch.save, which hold no program, and
    (`archive_not_supported`) for packages of compiled code.
    """
    root = _root(archive)
    inside = {name[len(root) :] for name in archive.names if name.startswith(root)}
    if "archive_format" in inside and archive.read(root + "archive_format", 16).strip() == b"pt2":
        if any(name.startswith(_NATIVE_CODE) for name in inside):
            raise _refuse(
                "archive_not_supported",
                "The file holds machine code (AOTInductor), which isn't accepted: use torch.export.save.",
            )
        if any(name.startswith("models/") and name.endswith(".json") for name in inside):
            return Format.TORCH_EXPORT
    if "data.pkl" not in inside:
        return None
    if {"constants.pkl", "version"} <= inside and any(name.startswith("code/") for name in inside):
        return Format.TORCHSCRIPT
    raise no_program(archive.read(root + "data.pkl", _PEEKED_BYTES))


def no_program(pickled: bytes = b"") -> ArtifactInvalid:
    """The refusal of a file of torch.save, by what its pickle names; without one it may be either."""
    if not pickled:
        return _refuse("not_torchscript", f"This file was written by torch.save in an old format: {_SAVE}.")
    if _holds_weights_only(pickled):
        return _refuse("not_torchscript", f"This file holds weights only, without the model they belong to: {_SAVE}.")
    return _refuse(
        "not_torchscript",
        f"This file was written by torch.save and needs the Python code of its classes to be opened: {_SAVE}.",
    )


def _root(archive: Archive) -> str:
    """The one directory that everything lies in, with its slash."""
    first = next(iter(archive.names)).partition("/")[0] + "/"
    return first if all(name.startswith(first) for name in archive.names) else ""


def _holds_weights_only(pickled: bytes) -> bool:
    modules = set()
    try:
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name == "GLOBAL":
                modules.add(str(argument).partition(" ")[0])
    except ValueError:
        pass  # cut off where the peek ends
    return bool(modules) and modules <= _WEIGHTS


def _refuse(code: str, message: str) -> ArtifactInvalid:
    return ArtifactInvalid(message, code=code, field="file")
