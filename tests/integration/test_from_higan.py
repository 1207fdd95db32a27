"""The page "From HiGAN" is true: each command on it runs as it is printed, on stand-ins for HiGAN's files.

They have random weights in HiGAN's layouts; HiGAN's own boundaries are taken where the reference data has them. Numbers
are small, as the page says how.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pytest

from higan_cam.publish import decode_scores
from higan_cam.publish.images import decode_image
from higan_cam.runtime.cluster import head_process
from higan_cam.runtime.cluster.head import UNCOUNTED
from higan_cam.store import open_store
from higan_cam.store.status import read_status
from tests.support.commands import Command
from tests.support.stand_ins import write_all

pytestmark = [pytest.mark.integration, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "higan_cam" / "manipulate" / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    *re.findall(r"^\$ (higan-cam [^#\n]+?) *(?:#|$)", PAGE, re.M),
    *re.findall(r"^\|.*`(higan-cam [^`]+)` \|$", PAGE, re.M),
]
SMALL = " ".join(re.findall(r"add `(--set[^`]+)`", PAGE)[0].split())
SCORER = re.findall(r"^    (--set scorer[^\n]+)$", PAGE, re.M)[0]
ON_RAY = ("label", "fit", "run")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """Where the commands run: with weights/ as the page describes it, and data/ as in a checkout."""
    folder = tmp_path_factory.mktemp("from_higan")
    write_all(folder / "weights")
    shutil.copytree(shared / "boundaries", folder / "weights" / "boundaries", dirs_exist_ok=True)
    (folder / "data").symlink_to(ROOT / "data")
    return folder


@pytest.fixture(scope="module")
def joining(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of commands that join a Ray whose workers begin in that folder, as those of their own would."""
    environment = os.environ | {"RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1"} | UNCOUNTED
    command = [sys.executable, "-P", head_process.__file__]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as head:
        answer = json.loads(cast(IO[str], head.stdout).readline())
        assert "address" in answer, answer
        yield environment | {"RAY_ADDRESS": answer["address"]}
        head.communicate()


@pytest.fixture
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HIGAN_CAM_WEIGHTS", raising=False)
    monkeypatch.chdir(folder)
    return folder


def words(command: str) -> list[str]:
    """The words after `higan-cam`, as the shell would give them."""
    filled = re.sub(r"\bSCORER\b", lambda _: SCORER, command)
    return shlex.split(re.sub(r"\bLIST\b", "weights/stylegan_bedroom_list.txt", filled))[1:]


def test_the_page_has_every_step() -> None:
    assert len(COMMANDS) == 12
    assert {words(command)[0] for command in COMMANDS} == {"weights", "label", "fit", "rescore", "edit", "run"}


@pytest.mark.parametrize("command", [each for each in COMMANDS if words(each)[0] == "weights"])
def test_weights_are_listed_and_taken(command: str, in_folder: Path, higan_cam: Command) -> None:
    arguments = words(command)
    status, told, problem = higan_cam(*arguments, *(["--yes"] if arguments[1] == "fetch" else []))
    assert (status, problem) == (0, "")
    assert "stylegan_bedroom" in told


@pytest.mark.parametrize("command", [each for each in COMMANDS if words(each)[0] == "edit"])
def test_edits_are_drawn(command: str, in_folder: Path, higan_cam: Command) -> None:
    (in_folder / "edit.png").unlink(missing_ok=True)
    status, told, problem = higan_cam(*words(command))
    assert (status, problem) == (0, "")
    assert "drawn" in told
    assert decode_image((in_folder / "edit.png").read_bytes()).std() > 10


def test_labels_become_a_boundary_that_is_rescored(
    in_folder: Path, joining: dict[str, str], higan_cam: Command
) -> None:
    label, fit = (on_ray(verb, in_folder, joining) for verb in ("label", "fit"))
    assert "8 latents labelled" in label
    assert "boundary/indoor_lighting.safetensors" in fit
    scores = decode_scores((in_folder / "RUN" / "scores" / "part-00000.parquet").read_bytes())[1]
    assert scores.std() > 0
    (rescore,) = [each for each in COMMANDS if words(each)[0] == "rescore"]
    status, told, _ = higan_cam(*words(rescore))
    assert status == 0
    assert "four fifths of the sum" in told
    assert (in_folder / "RUN" / "report" / "rescoring.png").is_file()


def test_a_ready_boundary_becomes_pairs_with_masks(in_folder: Path, joining: dict[str, str]) -> None:
    assert "report/index.html" in on_ray("run", in_folder, joining)
    assert read_status(open_store(str(in_folder / "PAIRS"))).complete


def on_ray(verb: str, folder: Path, environment: dict[str, str]) -> str:
    """Standard output of the page's command, in a process of its own."""
    (command,) = [each for each in COMMANDS if words(each)[0] == verb]
    program = [str(Path(sys.executable).with_name("higan-cam")), *words(command), *shlex.split(SMALL)]
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
