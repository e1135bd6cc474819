import ast
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import crackle_stream

ROOT = Path(__file__).parents[2]

PROMISED = {
    "Kiln", "ThermalProfile", "CoolingRate", "TaskOutput", "TaskEntry", "GlazeLayer", "CracklePattern", "PatternKind",
    "Window", "History", "cool", "CrackleError", "KilnCooled", "KilnFull", "entropy", "joint_entropy",
    "mutual_information", "kl_divergence", "jsd", "transfer_entropy", "permutation_entropy", "CoolingReport",
    "Detector", "Examination", "Alert", "__version__",
}  # fmt: skip


def test_every_promised_name_is_exported() -> None:
    assert set(crackle_stream.__all__) >= PROMISED


def test_the_names_are_sorted_and_each_stands_once() -> None:
    assert sorted(set(crackle_stream.__all__)) == crackle_stream.__all__


@pytest.mark.parametrize("name", crackle_stream.__all__)
def test_every_name_can_be_imported_and_is_shown_by_dir(name: str) -> None:
    assert getattr(crackle_stream, name) is not None
    assert name in dir(crackle_stream)


def test_type_checkers_see_the_same_names_from_the_same_places() -> None:
    tree = ast.parse((ROOT / "crackle_stream" / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen: dict[str, str | None] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        seen |= {alias.name: node.module for alias in node.names}
    assert set(seen) | {"__version__"} == set(crackle_stream.__all__)
    for name, home in seen.items():
        assert home is not None
        assert getattr(import_module(home), name) is getattr(crackle_stream, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'crackle_stream' has no attribute 'Klin'"):
        crackle_stream.__getattr__("Klin")


def test_importing_the_package_loads_no_third_party() -> None:
    code = (
        "import sys, crackle_stream; "
        "print(sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names) - {'__main__'}))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "['crackle_stream']"


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == crackle_stream.__version__
