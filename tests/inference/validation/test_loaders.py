"""Only one room opens pickles. A loader that is forgotten elsewhere is how such walls fall."""

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[3]
APPS = ("accounts", "registry", "monitoring", "inference", "solutions", "mlplatform")
LOADERS = {"pickle", "_pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve", "torch", "skops"}
ROOM = {
    "inference/runtimes/unpickling.py",
    "inference/runtimes/pickled_arrays.py",
    "inference/validation/tasks/convert.py",  # names the library's version
    # skops and PyTorch have loaders of their own: in the sandbox, and for versions that are trusted.
    "inference/validation/skops_files.py",
    "inference/validation/pytorch/opening.py",
    "inference/validation/pytorch/schema.py",
    "inference/validation/pytorch/traced.py",
    "inference/validation/pytorch/compiling.py",
    "inference/runtimes/skops.py",
    "inference/runtimes/pytorch.py",
}
# Train networks, and read back the weights of their own last step.
TRAINERS = {f"solutions/images/training/{name}.py" for name in ("__init__", "exporting", "learning", "networks")}
WRITERS = {"mlplatform/demo/training.py", "solutions/saving.py"}  # save what was trained here


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def sources() -> Iterator[Path]:
    for app in APPS:
        yield from (PROJECT / app).rglob("*.py")


def test_pickles_are_opened_in_one_room() -> None:
    found = {str(path.relative_to(PROJECT)) for path in sources() if LOADERS & set(imports(path))}
    assert found - WRITERS - TRAINERS <= ROOM
    assert "inference/runtimes/unpickling.py" in found


def test_who_only_writes_does_not_load() -> None:
    for name in WRITERS:
        tree = ast.parse((PROJECT / name).read_text(encoding="utf-8"))
        called = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert "load" not in called


def test_who_trains_reads_weights_and_nothing_else() -> None:
    for name in TRAINERS:
        for node in ast.walk(ast.parse((PROJECT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert "weights_only=True" in map(ast.unparse, node.keywords), f"{name}: {ast.unparse(node)}"


def test_numpy_never_loads_pickled_arrays() -> None:
    for path in sources():
        assert "allow_pickle=True" not in path.read_text(encoding="utf-8")
