"""The libraries a model was made or validated with, against those that are installed here."""

from importlib.metadata import PackageNotFoundError, version

# Packages whose minor releases may read or compute otherwise.
_COMPARED_PARTS = 2
# What computes the answers of a native runtime.
PACKAGES = {
    "lightgbm": "lightgbm",
    "sklearn": "scikit-learn",
    "skops": "scikit-learn",
    "torch_export": "torch",
    "torchscript": "torch",
    "xgboost": "xgboost",
}


def differences(made_with: dict[str, str], installed: dict[str, str]) -> list[str]:
    """A sentence for each library whose release differs from the model's; patch releases are not told apart."""
    return [
        f"The model was made with {package} {theirs}; this platform has {installed[package]}."
        for package, theirs in sorted(made_with.items())
        if package in installed and release(theirs) != release(installed[package])
    ]


def changed_since(validated_with: dict[str, str], runtime: str) -> list[str]:
    """A sentence for the package behind a native runtime, where another release validated the model."""
    package = PACKAGES.get(runtime, "")
    theirs = validated_with.get(package)
    try:
        ours = version(package) if theirs else ""
    except PackageNotFoundError:
        return []  # loading it will say so
    if not theirs or release(theirs) == release(ours):
        return []
    return [f"It was validated with {package} {theirs}; this process has {ours}."]


def release(version: str) -> list[str]:
    """Major and minor, without what a build adds ("2.13.0+cpu")."""
    return version.partition("+")[0].split(".")[:_COMPARED_PARTS]
