"""The layout shows the flow, and stays small: contracts, folders, module and function sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "higan_cam"
ROOMS = {  # of the package, as the contracts in pyproject.toml order them
    *("app", "cli", "config", "faces", "generate", "invert", "label", "losses", "manipulate", "mask", "measure"),
    *("pictures", "pipeline", "publish", "redraw", "relight", "rooms", "runtime", "store", "train", "weights"),
    "worlds",
}
LOOSE = {"errors", "files", "types", "__init__", "__main__"}
FOLDERS = {"higan_cam", "jobs", "cluster_configs", "data", "tests", ".ci"}
FILES = {
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    ".gitignore",
    ".gitattributes",
    ".pre-commit-config.yaml",
}
LONGEST = 300
LONGER = {"higan_cam/types.py": 440}  # the nouns belong on one page
MOST_MODULES = 16
MOST_WITH_ONE_FIRST_WORD = 4


def test_import_contracts_hold() -> None:
    result = _python_tool("lint-imports", "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr


def test_importing_the_library_does_not_import_ray() -> None:
    code = "import sys, higan_cam, higan_cam.pipeline, higan_cam.publish; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_top_level_holds_only_what_the_design_names() -> None:
    paths = [path.parts for path in _tracked()]
    folders = {parts[0] for parts in paths if len(parts) > 1}
    files = {parts[0] for parts in paths if len(parts) == 1}
    assert folders <= FOLDERS
    assert files <= FILES


def test_package_has_its_rooms_and_no_other_loose_module() -> None:
    paths = [path.relative_to("higan_cam") for path in _tracked() if path.parts[0] == "higan_cam"]
    assert {path.parts[0] for path in paths if len(path.parts) > 1} == ROOMS
    assert {path.stem for path in paths if len(path.parts) == 1 and path.suffix == ".py"} == LOOSE


def test_no_folder_is_full() -> None:
    """But for jobs: a list of commands, one a file."""
    modules = {folder: len(names) for folder, names in _folders().items() if folder != "jobs"}
    assert not {folder: count for folder, count in modules.items() if count > MOST_MODULES}


def test_no_family_of_modules_lacks_a_folder_of_its_own() -> None:
    """Files that share a first word are a room without walls; but for jobs, which are called by what they do."""
    rooms = {folder: names for folder, names in _folders().items() if folder != "jobs"}
    families = Counter((folder, name.split("_")[0]) for folder, names in rooms.items() for name in names)
    assert not {family: count for family, count in families.items() if count > MOST_WITH_ONE_FIRST_WORD}


def test_tests_mirror_the_package() -> None:
    kinds = {"integration", "chaos", "benchmarks", "parity", "cluster_configs", "support", "jobs"}
    tests = {path.parent.relative_to("tests") for path in _tracked() if path.parts[0] == "tests"}
    rooms = {path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")}
    assert {folder for folder in tests if folder.parts and folder.parts[0] not in kinds} <= rooms


def test_only_one_module_spells_the_keys_of_a_run() -> None:
    key = re.compile(
        r"(scores|manifest|stats|report|boundary|curation|listing)/|run\.json|data/(train|validation|test|\{)"
    )
    spelled = {_name(path) for path in _sources() for text in _strings(path) if key.match(text)}
    tars = "higan_cam/publish/exports/webdataset.py"  # names of its own
    assert spelled - {tars} == {"higan_cam/store/keys.py"}


def test_no_module_is_long() -> None:
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _sources()}
    too_long = {name: count for name, count in lengths.items() if count > LONGER.get(name, LONGEST)}
    assert not too_long


def test_nine_in_ten_functions_are_under_forty_lines() -> None:
    lengths = [length for path in _sources() for length in _function_lengths(path)]
    assert np.percentile(lengths, 90) < 40


def _python_tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A console script of the environment that runs the tests."""
    script = Path(sys.executable).with_name(name)
    if not script.is_file():
        pytest.skip(f"{name} is not installed beside {sys.executable}")
    return subprocess.run([str(script), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def _tracked() -> list[Path]:
    """Files that are in the repository or would be added to it, relative to its root."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files belong to the project is unknown")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(name) for name in result.stdout.split("\0") if name and (ROOT / name).exists()]


def _sources() -> Iterator[Path]:
    yield from sorted(PACKAGE.rglob("*.py"))
    yield from sorted((ROOT / "jobs").rglob("*.py"))


def _folders() -> dict[str, list[str]]:
    """{folder of the package: the names of its modules}."""
    folders: dict[str, list[str]] = {}
    for path in _sources():
        if path.stem != "__init__":
            folders.setdefault(_name(path.parent), []).append(path.stem)
    return folders


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _strings(path: Path) -> Iterator[str]:
    """Every string of a module that is not documentation, by its beginning."""
    tree = _parsed(path)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def _function_lengths(path: Path) -> list[int]:
    """Lines of each function from `def` to its end, docstring included."""
    functions = [node for node in ast.walk(_parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]
