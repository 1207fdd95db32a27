"""What works with what: every generator with every scorer, from latents to an encoded shard, in this process.

Generators are embedded, or 32 px ones with random weights in a published layout; so are scorers. What is shown is that
the stages fit together; what they are worth is shown elsewhere.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torchvision import models as torchvision_models

from higan_cam.config import RunConfig, parse_config
from higan_cam.mask import ATTRIBUTIONS
from higan_cam.pipeline import (
    Models,
    attribute_unit,
    edited_ends,
    label_and_fit,
    load_models,
    on_final_scale,
)
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.publish import encode_shard
from higan_cam.types import Boundary, WorkUnit
from higan_cam.weights.files import save_tensors
from tests.label.test_clip import CONFIG as CLIP
from tests.support.generators import KINDS, SMALL_LATENT, small, small_latent
from tests.support.stand_ins import write_scene_predictor

GENERATORS = ("rooms", *KINDS)
WIDE = pytest.param("places365 attribute", marks=pytest.mark.slow)
SCORERS = ("lighting", "luminance", WIDE, "places365 category", "torchvision", "clip", "custom")
ARCH = "mobilenet_v3_small"
IN_PAIRS = "dcgan"
"""The smallest generator: two samples at once of it, one of every other."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a weights file of every generator and scorer that needs one."""
    folder = tmp_path_factory.mktemp("matrix")
    for name, factory in KINDS.items():
        generator: Any = small_latent(factory) if factory in SMALL_LATENT else small(factory)
        state = {k: v.float() for k, v in generator.state_dict().items() if k != "truncation.truncation"}
        torch.save(state, folder / f"{name}.pth")
    write_scene_predictor(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the same network whatever ran before: a random one may not follow its boundary
        torch.save(torchvision_models.get_model(ARCH, weights=None).state_dict(), folder / "classifier.pth")
    return folder


@pytest.fixture(scope="module")
def clip(files: Path) -> Path:
    open_clip = pytest.importorskip("open_clip")
    (files / "open_clip_config.json").write_text(json.dumps({"model_cfg": CLIP, "preprocess_cfg": {}}))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_tensors(files / "clip.safetensors", open_clip.model.CLIP(**CLIP).state_dict(), {})
    return files / "clip.safetensors"


Settings = Callable[..., RunConfig]


@pytest.fixture
def settings(files: Path, request: pytest.FixtureRequest) -> Settings:
    """`settings(generator, scorer, **sections)`: a configuration of a few images."""
    scorers: dict[str, dict[str, Any]] = {
        "lighting": {},
        "luminance": {"name": "luminance", "scale": "quartiles"},
        "places365 attribute": {"name": "places365", "target": "indoor lighting"},
        "places365 category": {"name": "places365", "target": "bedroom", "arch": "resnet18", "output": "probability"},
        "torchvision": {"name": "torchvision", "arch": ARCH, "target": "table lamp"},
        "clip": {"name": "clip", "target": "a lit bedroom", "against": "a dark bedroom"},
        "custom": {"name": "custom", "factory": "tests.integration.scorers:DaylightShare"},
    }
    weights = {"places365": "wideresnet18_places365.pth.tar", "torchvision": "classifier.pth"}

    def build(generator: str, scorer: str, **sections: Any) -> RunConfig:
        chosen = dict(scorers[scorer])
        name = chosen.get("name", "lighting")
        if name == "clip":
            chosen["weights"] = str(request.getfixturevalue("clip"))
        elif name in weights:
            chosen["weights"] = str(files / weights[name])
        return parse_config(
            {
                "generator": {"weights": generator if generator == "rooms" else str(files / f"{generator}.pth")},
                "scorer": chosen,
                "label": {"count": 6, "micro_batch": 6},
                "boundary": {"tails": 3},
                "mask": {"count": 2, "micro_batch": 2, "second_scorer": None},
                "regions": {"eps": 2.0, "min_samples": 4},
                **sections,
            }
        )

    return build


Fitted = Callable[[str, str], tuple[Models, Boundary]]


@pytest.fixture(scope="module")
def kept() -> dict[tuple[str, str], tuple[Models, Boundary]]:
    """What `fitted` made that more than one test needs."""
    return {}


@pytest.fixture
def fitted(settings: Settings, kept: dict[tuple[str, str], tuple[Models, Boundary]]) -> Fitted:
    """`fitted(generator, scorer)`: the networks, and the boundary of a few labels."""

    def find(generator: str, scorer: str) -> tuple[Models, Boundary]:
        if (generator, scorer) in kept:
            return kept[generator, scorer]
        config = settings(generator, scorer)
        models = load_models(config)
        boundary = label_and_fit(models, config)
        found = on_final_scale(models, boundary), boundary
        if generator == "rooms" or scorer == "lighting":
            kept[generator, scorer] = found
        return found

    return find


def _unit(generator: str) -> WorkUnit:
    return WorkUnit(0, 0, 2 if generator == IN_PAIRS else 1)


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("generator", GENERATORS)
def test_latents_become_a_shard(generator: str, scorer: str, settings: Settings, fitted: Fitted) -> None:
    config = settings(generator, scorer)
    models, boundary = fitted(generator, scorer)
    np.testing.assert_allclose(np.linalg.norm(boundary.normal), 1, atol=1e-5)
    low, high = models.scorer.score_range
    unit = _unit(generator)
    samples = mask_samples(models.scorer, config, attribute_unit(models, config, boundary, unit))
    for sample in samples:
        assert low <= sample.score_negative <= high
        assert low <= sample.score_positive <= high
        assert sample.status in ("ok", "empty")
    rows = pq.read_table(io.BytesIO(encode_shard(samples, 100))).to_pylist()
    assert [row["index"] for row in rows] == list(unit.indices)
    assert all(row["text"] and row["image"]["bytes"] for row in rows)


@pytest.mark.parametrize("attribution", sorted(ATTRIBUTIONS))
@pytest.mark.parametrize("generator", GENERATORS)
def test_every_heat_map_answers_on_every_generator(
    generator: str, attribution: str, settings: Settings, fitted: Fitted
) -> None:
    config = settings(generator, "lighting", attribution={"name": attribution, "steps": 2})
    models, boundary = fitted(generator, "lighting")
    unit = _unit(generator)
    batch = attribute_unit(models, config, boundary, unit)
    assert batch.heat.shape == (len(unit.indices), 256, 256)
    assert np.isfinite(batch.heat).all()
    assert batch.heat.min() >= 0
    assert batch.heat.max() <= 1
    for index in unit.indices[1:]:
        alone = attribute_unit(models, config, boundary, WorkUnit(0, index, index + 1))
        np.testing.assert_allclose(batch.original[index].astype(float), alone.original[0], atol=1)
        # Rounding is another in a batch: `jvp` moves by 0.02 in a few pixels, by 0.0002 on average.
        own, other = (np.abs(batch.heat[each] - alone.heat[0]).mean() for each in (index, 0))
        assert own < 0.02 * other


@pytest.mark.parametrize("scorer", SCORERS)
def test_every_scorer_can_be_steered_by_its_gradient_and_by_targets(
    scorer: str, settings: Settings, fitted: Fitted
) -> None:
    """`path` differentiates the score; targets are on the scale that samples carry, calibrated or not."""
    config = settings("rooms", scorer, attribution={"name": "path", "steps": 1})
    models, boundary = fitted("rooms", scorer)
    heat = attribute_unit(models, config, boundary, WorkUnit(0, 0, 1)).heat
    assert np.isfinite(heat).all()
    low, high = models.scorer.score_range
    targets = [low + 0.45 * (high - low), low + 0.55 * (high - low)]
    aimed = settings("rooms", scorer, edit={"targets": targets, "distance": 1.0})
    with torch.inference_mode():
        w_plus = models.generator.truncate(models.generator.map(torch.zeros(1, models.generator.z_dim)))
        ends = edited_ends(models, aimed, boundary, w_plus)
    assert (ends.distances[:, 0] <= ends.distances[:, 1]).all()
