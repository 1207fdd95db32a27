"""What a wheel holds: everything that a checkout has and an installed package needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the working tree."""
    for module in ("build", "hatchling"):
        pytest.importorskip(module, reason="the dev extra is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    # In an empty folder: a local `build` directory would hide the module.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> frozenset[str]:
    """Paths in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's contents, as pip would lay them down, away from the checkout."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_wheel_holds_every_module_of_the_package_and_the_jobs(names: frozenset[str]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "higan_cam").rglob("*.py")}
    jobs = {f"higan_cam/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "jobs").rglob("*.py")}
    assert len(jobs) >= 10
    assert modules | jobs <= names


def test_wheel_holds_the_templates_the_label_names_and_the_type_marker(names: frozenset[str]) -> None:
    labels = {f"higan_cam/label/{name}.txt" for name in ("places365_categories", "sun_attributes")}
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "higan_cam/publish").rglob("templates/*")}
    assert len(templates) >= 3
    assert templates | labels | {"higan_cam/py.typed"} <= names


def test_wheel_holds_the_files_of_the_page(names: frozenset[str]) -> None:
    pages = (ROOT / "higan_cam/app").glob("**/page/*")
    page = {path.relative_to(ROOT).as_posix() for path in pages}
    assert {"higan_cam/app/page/light.js", "higan_cam/app/by_hand/page/page.js"} <= page <= names


def test_wheel_installs_no_top_level_package_but_its_own_and_no_tests_and_no_caches(names: frozenset[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"higan_cam"}
    assert not [name for name in names if "__pycache__" in name]


def test_wheel_installs_the_command_and_the_licence(wheel: Path, names: frozenset[str]) -> None:
    (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert f"{info}/licenses/LICENSE" in names
    with zipfile.ZipFile(wheel) as archive:
        assert "higan-cam = higan_cam.cli:main" in archive.read(f"{info}/entry_points.txt").decode()


def test_embedded_weights_are_found_away_from_the_checkout(names: frozenset[str], unpacked: Path) -> None:
    weights = sorted(path.name for path in (ROOT / "data").glob("*.safetensors"))
    if not weights:
        pytest.skip("data/ holds no embedded weights yet")
    assert {f"higan_cam/data/{name}" for name in weights} <= names
    code = (
        "import sys; from higan_cam.weights.embedded import embedded_path;"
        "print(*map(embedded_path, sys.argv[1:]), sep='\\n')"
    )
    found = _run_in(unpacked, code, *weights)
    assert [Path(line) for line in found.splitlines()] == [unpacked / "higan_cam/data" / name for name in weights]


@pytest.mark.parametrize("job", ["make_masks", "make_mask_dataset", "train_scorer", "evaluate_models"])
def test_a_job_starts_away_from_the_checkout(job: str, unpacked: Path) -> None:
    code = f"import runpy; sys.argv[1:] = ['--help']; runpy.run_module('higan_cam.jobs.{job}', run_name='__main__')"
    assert "--output" in _run_in(unpacked, code) or job == "evaluate_models"


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("attributes", ["indoor_lighting", "warmth", "daylight"]),
        ("faces", ["mouth", "eyes", "hair_length", "hair_color", "yaw"]),
    ],
)
def test_an_example_is_found_by_name_away_from_the_checkout(name: str, attributes: list[str], unpacked: Path) -> None:
    code = f"from higan_cam.config import load_config; print(*load_config({name!r}).attributes)"
    assert _run_in(unpacked, code).split() == attributes


def test_package_imports_away_from_the_checkout(unpacked: Path) -> None:
    code = "import higan_cam.publish as publish; print(publish.__file__)"
    assert Path(_run_in(unpacked, code).strip()).is_relative_to(unpacked)


def _run_in(site: Path, code: str, *arguments: str) -> str:
    """Output of Python code with `site` before everything else on the path."""
    program = f"import sys; sys.path.insert(0, {str(site)!r}); {code}"
    command = [sys.executable, "-P", "-c", program, *arguments]
    result = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout
