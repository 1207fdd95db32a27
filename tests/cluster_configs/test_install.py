"""What nodes and the image install: pinned, complete, and carried out for real as far as that goes offline."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.cluster_configs.files import CONFIGS, ROOT, pins, project, requirements

EXTRAS = ("cluster", "s3", "gcs", "aws", "gcp", "app", "train")
DATA = ("rooms_generator.safetensors", "configs/quick.yaml")


def test_every_dependency_of_a_cluster_is_pinned_within_what_the_package_allows() -> None:
    pinned = {canonicalize_name(name): version for name, version in pins().items()}
    for requirement in requirements(*EXTRAS):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), str(requirement)


def test_the_image_copies_all_that_the_package_is_built_from(tmp_path: Path) -> None:
    """Its COPY and pip lines, carried out: the same files, the same prefix, dependencies left out."""
    source, prefix = tmp_path / "src", tmp_path / "install"
    source.mkdir()
    for *names, target in copied():
        for name in names:
            destination = source / target / (Path(name).name if target == "./" else "")
            if (ROOT / name).is_dir():  # without what other test processes write meanwhile
                shutil.copytree(ROOT / name, destination, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, destination)
    (pip,) = [line for line in dockerfile() if line.startswith("RUN pip install")]
    # Without --ignore-installed, pip would remove the package from this environment, whatever the prefix.
    command = [*shlex.split(pip.removeprefix("RUN ").replace("/install", str(prefix))), "--ignore-installed"]
    subprocess.run([sys.executable, "-m", *command], cwd=source, env=offline_pip(), check=True, capture_output=True)
    (packages,) = prefix.rglob("higan_cam")
    assert all((packages / "data" / name).is_file() for name in DATA)
    assert (packages / "jobs" / "make_mask_dataset.py").is_file()
    assert list(prefix.rglob("bin/higan-cam"))


def test_the_image_sees_what_it_copies_and_nothing_heavy() -> None:
    lines = (CONFIGS / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    shown = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert lines[1] == "*", "all is left out but what is named"
    assert shown == {name for *names, _ in copied() for name in names}


def test_the_image_is_one_pinned_python_without_root() -> None:
    lines = dockerfile()
    assert [line for line in lines if line.startswith("ARG")] == ["ARG PYTHON=3.12"]
    assert {line.split()[1] for line in lines if line.startswith("FROM")} == {"python:${PYTHON}-slim-bookworm"}
    assert [line for line in lines if line.startswith("USER")] == ["USER 1000"]
    (pip,) = [line for line in lines if line.startswith("RUN pip install")]
    extras = shlex.split(pip)[-1].removeprefix(".[").removesuffix("]").split(",")
    assert set(extras) <= set(project()["optional-dependencies"])


@pytest.mark.slow
def test_a_node_is_set_up_and_set_up_again(tmp_path: Path) -> None:
    """setup_node.sh for real, with a home of its own; this environment stands in for the downloads."""
    if find_spec("ensurepip") is None:
        pytest.skip("this Python cannot make virtual environments, and the script would install a package for that")
    environment = offline_pip() | {"HOME": str(tmp_path), "PYTHON": sys.executable}
    for _ in range(2):
        command = ["bash", str(CONFIGS / "setup_node.sh"), str(ROOT), "cluster,s3"]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert "does not provide the extra" not in result.stderr
    assert (tmp_path / ".bashrc").read_text().count("venv/bin") == 1
    shell = ["bash", "-c", "source ~/.bashrc; command -v higan-cam; higan-cam --help"]
    found = subprocess.run(shell, env=environment, capture_output=True, text=True, check=True).stdout
    assert found.startswith(f"{tmp_path}/venv/bin/higan-cam\n")


@pytest.mark.parametrize("script", ["setup_node.sh", "local.sh"])
def test_scripts_are_valid_bash_and_executable(script: str) -> None:
    assert os.access(CONFIGS / script, os.X_OK)
    subprocess.run(["bash", "-n", str(CONFIGS / script)], check=True)


def dockerfile() -> list[str]:
    """Its instructions, continuation lines joined."""
    text = (CONFIGS / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def copied() -> list[list[str]]:
    """Words of the build stage's COPY instructions: sources, then the target."""
    words = [line.split()[1:] for line in dockerfile() if line.startswith("COPY")]
    return [line for line in words if not line[0].startswith("--from")]


def offline_pip() -> dict[str, str]:
    """pip without an index: the build backend comes from this environment, dependencies are left out."""
    flags = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}  # 0 is pip's own way to say yes
    return {**os.environ, **flags, "PYTHONPATH": sysconfig.get_path("purelib")}
