"""`directions` from the command line, on a small random generator: files, table, sheet, and what is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import torch

from higan_cam.config import load_config
from higan_cam.generate import DCGAN, StyleGAN
from higan_cam.manipulate import load_boundary
from higan_cam.publish.images import decode_image
from higan_cam.runtime.preflight import weights_digests
from higan_cam.store import begin_run, open_store
from higan_cam.weights.files import save_tensors
from tests.label.test_clip import CONFIG as CLIP
from tests.support.commands import Command
from tests.support.generators import small, small_latent


def run_of(generator: torch.nn.Module, folder: Path) -> Path:
    """A run that has its configuration and nothing else."""
    torch.save(generator.float().state_dict(), folder / "g.pth")
    settings = [f"generator.weights={folder / 'g.pth'}", "scorer.name=luminance", "label.count=5000"]
    config = load_config(None, settings, output=str(folder / "run"))
    begin_run(open_store(folder / "run"), config, weights_digests(config))
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(small(StyleGAN), tmp_path_factory.mktemp("directions"))


@pytest.mark.parametrize("method", ["sefa", "ganspace", "stylespace"])
def test_files_table_and_sheet_are_written(method: str, higan_cam: Command, run: Path) -> None:
    status, told, error = higan_cam(
        *("directions", str(run), "--method", method, "--count", "2", "--layers", "5-6", "--samples", "4"),
        *("--codes", "40", "--looks", "2", "--steps=-1,0,1"),
    )
    assert (status, error) == (0, "")
    table = json.loads((run / f"directions/{method}-table.json").read_text())
    assert [each["name"] for each in table["directions"]] == [line.split()[0] for line in told.splitlines()[:2]]
    for row in table["directions"]:
        assert load_boundary(run / row["file"]).attribute == row["name"]
        assert set(row["scores"]) == {"luminance", "warmth", "edge_density"}
        assert row["scores"]["luminance"]["low"] <= row["scores"]["luminance"]["value"]
    assert decode_image((run / f"directions/{method}-sheet.png").read_bytes()).shape[1] == 2 * 20 + 4 * 128 + 3 * 6


def test_its_files_are_taken_by_edit_and_another_place_takes_them(
    higan_cam: Command, run: Path, tmp_path: Path
) -> None:
    where, sheet = tmp_path / "else where #1", tmp_path / "edit.png"
    few = ("--count", "1", "--samples", "2", "--codes", "40", "--scorer", "warmth")
    status, told, _ = higan_cam("directions", str(run), *few, "--output", str(where))
    assert status == 0
    look = shlex.split(next(line for line in told.splitlines() if line.startswith("look")))
    assert look[1:5] == ["higan-cam", "edit", "--boundary", str(where / "directions/sefa_00.safetensors")]
    weights = json.loads((run / "run.json").read_text())["config"]["generator"]["weights"]
    status, told, _ = higan_cam(
        *("edit", "--set", f"generator.weights={weights}", "--set", "scorer.name=luminance", "--index", "0"),
        *("-b", str(where / "directions/sefa_00.safetensors"), "--distances=-1,1", "--to", str(sheet)),
    )
    assert (status, "drawn    2 pictures" in told) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--method", "sefe"], "Did you mean 'sefa'?"),
        (["--scorer", "warmht"], "Did you mean 'warmth'?"),
        (["--layers", "3-9"], "--layers: the generator has layers 0-7"),
        (["--layers", "auto"], "no file recommends rows here"),
        (["--by-score"], "they need --method stylespace"),
        (["--method", "stylespace", "--by-score", "--near", "0,0,1,1"], "give one of them"),
        (["--method", "stylespace", "--near", "0,0,1"], "--near must be four shares such as"),
        (["--method", "stylespace", "--near", "0.9,0,0.2,1"], "--near must lie within the picture"),
        (["--count", "25"], "w has 24 dimensions"),
        (["--method", "ganspace", "--codes", "5", "--count", "6"], "5 codes of 24 numbers have 5 components"),
    ],
)
def test_a_mistake_is_one_message(arguments: list[str], said: str, higan_cam: Command, run: Path) -> None:
    status, _, told = higan_cam("directions", str(run), *arguments)
    assert status == 2
    assert said in " ".join(told.split())


def test_ganspace_of_a_generator_without_w_says_what_to_take(higan_cam: Command, tmp_path: Path) -> None:
    status, _, told = higan_cam("directions", str(run_of(small_latent(DCGAN), tmp_path)), "--method", "ganspace")
    assert status == 2
    assert "Take --method sefa" in " ".join(told.split())


@pytest.mark.slow
def test_a_texts_direction_is_a_file_like_any_other(higan_cam: Command, run: Path, tmp_path: Path) -> None:
    open_clip = pytest.importorskip("open_clip")
    settings = {"model_cfg": CLIP, "preprocess_cfg": {}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(settings))
    torch.manual_seed(0)
    save_tensors(tmp_path / "clip.safetensors", open_clip.model.CLIP(**CLIP).state_dict(), {})
    status, told, error = higan_cam(
        *("directions", str(run), "--method", "text", "--text", "A red blanket!", "--from", "a blanket"),
        *("--clip", str(tmp_path / "clip.safetensors"), "--samples", "2", "--codes", "40", "--looks", "2"),
    )
    assert (status, error) == (0, "")
    assert told.startswith("text_a_red_blanket_")
    found = load_boundary(run / f"directions/{told.split()[0]}.safetensors")
    assert found.metrics["loss"] < found.metrics["loss_before"]
    assert (run / "directions/text-sheet.png").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--method", "text", "--text", "a dark room"), "--method text needs --from"),
        (("--text", "a dark room"), "--text says what to look for in words: it needs --method text or words"),
        (("--threshold", "0.3"), "--threshold leaves style channels out"),
        (("--method", "words", "--to", "a dark room", "--from", "a room"), "--clip: no embedded network knows what"),
        (("--clip-arch", "ViT-B-32"), "--clip-arch"),
    ],
)
def test_half_a_text_is_refused(options: tuple[str, ...], words: str, higan_cam: Command, run: Path) -> None:
    status, _, error = higan_cam("directions", str(run), *options)
    assert status == 2
    assert words in " ".join(error.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--clip", "/nope"), "/nope: no such weights file; --clip names the file of a CLIP model"),
        (("--clip", "{file}", "--clip-arch", "ViT-B32"), "--clip-arch: unknown name 'ViT-B32'"),
        (("--clip", "{file}"), "--clip-arch: name the model, such as ViT-B-32"),
    ],
)
def test_what_is_wrong_with_a_clip_model_is_said_of_its_options(
    options: tuple[str, ...], words: str, higan_cam: Command, run: Path, tmp_path: Path
) -> None:
    pytest.importorskip("open_clip")
    save_tensors(tmp_path / "clip.safetensors", {"a": torch.zeros(1)}, {})
    given = (each.format(file=tmp_path / "clip.safetensors") for each in options)
    texts = ("--text", "a dark room", "--from", "a room", "--codes", "40", "--looks", "2")
    status, _, error = higan_cam("directions", str(run), "--method", "text", *texts, *given)
    assert status == 2
    said = " ".join(error.split())
    assert words in said
    assert "scorer." not in said
