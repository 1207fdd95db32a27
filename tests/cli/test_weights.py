"""`weights` from the command line: what is there, what it costs in rights, and one command to have it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.commands import Command
from tests.support.weights_server import body, serving


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))


def test_list_names_the_zoo_and_what_is_here(higan_cam: Command, tmp_path: Path) -> None:
    (tmp_path / "stylegan_bedroom256_generator.pth").touch()
    _, told, _ = higan_cam("weights", "list", "--kind", "generator")
    here = {line.split()[0]: line.split()[2] for line in told.splitlines()[1:-1]}
    assert here["stylegan_bedroom"] == "yes"
    assert here["stylegan_kitchen"] == "no"
    assert "wideresnet18_places365" not in here


def test_fetch_shows_the_licence_and_checks_the_pinned_digest(higan_cam: Command, shared: Path, tmp_path: Path) -> None:
    data = (shared / "boundaries/stylegan_bedroom/wood_boundary.npy").read_bytes()
    with serving({"/wood.npy": body(data)}) as address:
        status, told, _ = higan_cam(
            "weights", "fetch", "stylegan_bedroom/wood", "--yes", "--url", f"{address}/wood.npy"
        )
    assert status == 0
    assert told.index("licence  MIT, Copyright (c) 2019 Yujun Shen") < told.index("fetched")
    assert f"{hashlib.sha256(data).hexdigest()} (as pinned)" in told
    assert (tmp_path / "boundaries/stylegan_bedroom/wood_boundary.npy").read_bytes() == data
    _, told, _ = higan_cam("weights", "show", "stylegan_bedroom/wood")
    assert "(unchanged)" in told
    (tmp_path / "boundaries/stylegan_bedroom/wood_boundary.npy").write_bytes(data[:-1])
    _, told, _ = higan_cam("weights", "show", "stylegan_bedroom/wood")
    assert "CHANGED, expected" in told


def test_what_packages_hold_is_listed_by_kind_and_shown_with_its_package(higan_cam: Command) -> None:
    _, told, _ = higan_cam("weights", "list", "--kind", "detector")
    assert [line.split()[:3] for line in told.splitlines()[1:-1]] == [
        [f"mtcnn_{name}", "detector", "no"] for name in ("pnet", "rnet", "onet")
    ]
    _, told, _ = higan_cam("weights", "show", "dcgan_digiface")
    assert "licence  MIT" in told
    assert "from     gan_face_generate/weights.tar of the package gan-face-generate==1.1.1\n" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch", "stylegan_bedroom"], "nobody is there to accept the licence"),
        (["fetch", "stylegan_bedrom", "--yes"], "Did you mean 'stylegan_bedroom'?"),
        (["fetch", "resnet18_places365", "--yes"], "no HTTPS address is known"),
        (["list", "--kind", "generators"], "Did you mean 'generator'?"),
    ],
)
def test_a_mistake_is_one_message(arguments: list[str], said: str, higan_cam: Command, tmp_path: Path) -> None:
    status, _, told = higan_cam("weights", *arguments)
    assert status == 2
    assert said in " ".join(told.split())
    assert not list(tmp_path.iterdir())
