"""The files under test, read once and in one way."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "cluster_configs"


def load_yaml(name: str) -> Any:
    """A fresh copy of a YAML file of cluster_configs/."""
    return yaml.safe_load((CONFIGS / name).read_text(encoding="utf-8"))


def project() -> dict[str, Any]:
    """[project] of pyproject.toml."""
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def pins() -> dict[str, str]:
    """{package: version} of constraints.txt."""
    lines = (CONFIGS / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def requirements(*extras: str) -> list[Requirement]:
    """What the package needs, with these extras."""
    optional = project()["optional-dependencies"]
    texts = [*project()["dependencies"], *(text for extra in extras for text in optional[extra])]
    return [Requirement(text) for text in texts]
