"""Labels belong to the pictures that a run scores; the command refuses what cannot be learned from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import typer

from higan_cam.app.by_hand.labels import LabelFile
from higan_cam.config import RunConfig, ScorerConfig, parse_config
from higan_cam.errors import ConfigError
from higan_cam.generate import to_uint8
from higan_cam.label import scorer_files
from higan_cam.label.labelled.pictured import drawn_by
from higan_cam.label.labelled.scorer import load_labeller
from higan_cam.pipeline import label_unit
from higan_cam.pipeline.models import load_models, w_plus_of
from higan_cam.store import open_store, read_run
from higan_cam.store.run import begin_run
from higan_cam.train.labeller.examples import find_examples
from higan_cam.train.labeller.settings import LabellerSettings
from higan_cam.types import WorkUnit
from higan_cam.weights.embedded import embedded_path
from higan_cam.weights.files import sha256_of
from jobs.train_labeller import main


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, RunConfig]:
    """A run of 40 latents that has just begun."""
    config = parse_config(
        {"label": {"count": 40}, "mask": {"count": 8}, "boundary": {"tails": 10}, "scorer": {"name": "luminance"}}
    )
    digest = sha256_of(embedded_path("rooms_generator.safetensors"))
    begin_run(open_store(tmp_path / "run"), config, {"generator": digest})
    return tmp_path / "run", config


def test_labels_are_of_the_pictures_that_the_run_scores(
    run: tuple[Path, RunConfig], small: Callable[..., LabellerSettings], tmp_path: Path
) -> None:
    (tmp_path / "labels.csv").write_text("index,label\n31,1\n7,0\n")
    settings = small(negative=(), positive=(), labels=str(tmp_path / "labels.csv"), run=str(run[0]), side=128)
    found = find_examples(settings)
    assert (found.names, found.labels.tolist()) == (("7", "31"), [False, True])
    models = load_models(run[1])
    image, _ = models.generator.synthesize(w_plus_of(models, run[1], [7, 31]))
    differ = found.pictures(128).astype(int) - to_uint8(image.detach())
    assert np.abs(differ).max() <= 1
    (tmp_path / "labels.csv").write_text("index,label\n31,0\n7,0\n")
    assert find_examples(settings).digest != found.digest


def test_labels_that_were_given_to_other_pictures_are_refused(
    run: tuple[Path, RunConfig],
    small: Callable[..., LabellerSettings],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    table, store = tmp_path / "labels.csv", open_store(run[0])
    settings = small(negative=(), positive=(), labels=str(table), run=str(run[0]))
    of = {"name": "cosy", **drawn_by(run[1], read_run(store)["weights"])}
    with LabelFile(table, 40, of).change() as answers:  # as the page does
        answers.labels |= {31: 1, 7: 0}
    assert find_examples(settings).names == ("7", "31")
    for changed in ({"seed": 1}, {"generator": "0" * 64}, {"truncation_psi": 0.5}):
        (tmp_path / "labels.csv.json").write_text(json.dumps({"of": of | changed}))
        with pytest.raises(ConfigError, match=f"{next(iter(changed))} .* name the run that was labelled"):
            find_examples(settings)
    (tmp_path / "labels.csv.json").write_text("[]")  # somebody else's
    assert find_examples(settings).names == ("7", "31")
    assert "does not say what they are of" in caplog.text


def test_the_label_stage_of_the_same_run_scores_with_it(run: tuple[Path, RunConfig], trained: LabellerSettings) -> None:
    config = run[1].model_copy(
        update={"scorer": ScorerConfig(name="labelled", weights=trained.output, output="probability")}
    )
    models = load_models(config)
    _, scores = label_unit(models, config, WorkUnit(0, 5, 8))
    image, _ = models.generator.synthesize(w_plus_of(models, config, [5, 6, 7]))
    with torch.inference_mode():
        np.testing.assert_allclose(scores, load_labeller(trained.output).score(image), rtol=1e-5)
    assert scorer_files(config.scorer) == {"weights": Path(trained.output) / "labeller.safetensors"}


def test_what_is_labelled_of_a_run_on_pictures_are_latents(
    small: Callable[..., LabellerSettings], tmp_path: Path
) -> None:
    begin_run(open_store(tmp_path / "run"), parse_config({"source": {"kind": "pictures", "pictures": "gone"}}))
    (tmp_path / "labels.csv").write_text("index,label\n31,1\n7,0\n")
    settings = small(negative=(), positive=(), labels=str(tmp_path / "labels.csv"), run=str(tmp_path / "run"))
    assert find_examples(settings).names == ("7", "31")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("40,1", "line 2: index 40; the run has the latents 0 to 39"),
        ("3,1\n3,0", "line 3: index 3 has label 0 here and 1 in line 2"),
        ("3,1\n4,0", "too few for 5 parts"),
    ],
)
def test_the_command_refuses_labels_before_any_worker_starts(
    run: tuple[Path, RunConfig], tmp_path: Path, lines: str, told: str
) -> None:
    (tmp_path / "labels.csv").write_text(f"index,label\n{lines}\n")
    with pytest.raises(typer.BadParameter) as caught:
        main(tmp_path / "out", labels=str(tmp_path / "labels.csv"), run=str(run[0]))
    assert told in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_backbone_that_is_not_fetched_says_how(
    run: tuple[Path, RunConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    (tmp_path / "labels.csv").write_text("index,label\n3,1\n")
    with pytest.raises(typer.BadParameter, match="weights fetch efficientnet_lite0"):
        main(tmp_path / "out", labels=str(tmp_path / "labels.csv"), run=str(run[0]), backbone="efficientnet_lite0")
