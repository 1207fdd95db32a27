"""Properties as scorers: fields, shared segmenter, NaN with a reason, slopes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.config import RunConfig, ScorerConfig, parse_config
from higan_cam.errors import ConfigError
from higan_cam.label import make_scorer, score_by_all, scorer_files
from higan_cam.label.properties import scorer as scorers
from higan_cam.label.properties.formulas import FORMULAS, measure
from higan_cam.label.properties.published import properties_v1
from higan_cam.label.properties.scorer import PropertyScorer
from higan_cam.label.scale import CalibratedScorer
from higan_cam.label.segmenters.detection import Mtcnn
from higan_cam.label.segmenters.mtcnn import ZOO, Networks
from higan_cam.label.segmenters.network_segmenter import NetworkSegmenter, Settings
from higan_cam.types import Scorer
from higan_cam.weights.zoo import zoo
from higan_cam.worlds.face_parts import PARTS
from tests.support.drawn_faces import ColourSegmenter, drawn_labels, picture_of

NAMES = tuple(FORMULAS["ours"])


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> ColourSegmenter:
    """What every file that is named stands for."""
    made = ColourSegmenter()
    monkeypatch.setattr(scorers, "load_segmenter", lambda _: made)
    return made


def config_of(target: str, **settings: str) -> ScorerConfig:
    return ScorerConfig.model_validate({"name": "property", "target": target, **settings})


def test_a_property_is_a_scorer_of_its_own_range(segmenter: ColourSegmenter) -> None:
    made = make_scorer(config_of("background_std"))
    assert isinstance(made, Scorer)
    assert (made.attribute, made.score_range) == ("background_std", (0.0, 0.5))
    assert make_scorer(config_of("hair_color", formula="v2")).score_range == (0.0, 255.0)
    assert config_of("eyes").describe() == "property 'eyes' (faces)"


def test_a_picture_without_the_part_has_no_score_and_the_others_keep_theirs(segmenter: ColourSegmenter) -> None:
    labels = [drawn_labels(turn=0.5), drawn_labels(turn=0.5), drawn_labels(turn=-0.5)]
    labels[1][labels[1] == PARTS.index("nose")] = PARTS.index("skin")
    pictures = torch.cat([picture_of(each) for each in labels])
    made = make_scorer(config_of("yaw"))
    assert isinstance(made, PropertyScorer)
    scores = made.score(pictures)
    assert scores.isnan().tolist() == [False, True, False]
    assert made.reasons(made.look(pictures)) == ("", "no nose", "")
    assert torch.equal(scores[[0, 2]], made.score(pictures[[0, 2]]))


def test_scores_have_slopes_where_they_are_ours(segmenter: ColourSegmenter) -> None:
    blurred = torch.nn.functional.avg_pool2d(picture_of(drawn_labels(96, eyes=0.8)), 3, 1, 1, count_include_pad=False)
    picture = blurred.requires_grad_()
    for name in NAMES:
        (slope,) = torch.autograd.grad(make_scorer(config_of(name)).score(picture).sum(), picture)
        assert slope.isfinite().all()
        assert slope.abs().max() > 0, name
    with pytest.raises(ConfigError, match=r"scorer\.formula: v1 has no gradient"):
        make_scorer(config_of("eyes", formula="v1")).score(picture)


def test_published_formulas_see_the_map_at_their_own_size(segmenter: ColourSegmenter) -> None:
    labels = drawn_labels(224)
    picture = picture_of(labels)
    crop = (255 * (picture[0] + 1) / 2).round().permute(1, 2, 0).numpy().astype(np.uint8)
    expected = properties_v1(labels, crop)
    made = {name: make_scorer(config_of(name, formula="v1")).score(picture).item() for name in NAMES}
    assert made == pytest.approx({name: expected["pose" if name == "yaw" else name].value for name in NAMES}, rel=1e-6)
    smaller = make_scorer(config_of("hair_length", formula="v1")).score(picture_of(drawn_labels(112))).item()
    assert smaller == pytest.approx(expected["hair_length"].value, abs=3)


def test_no_face_is_a_reason(segmenter: ColourSegmenter) -> None:
    seen = segmenter.segment(picture_of(drawn_labels(48)))
    object.__setattr__(seen, "problems", ("no face",))
    assert measure(seen, "background_mean").reasons() == ("no face",)
    assert measure(seen, "background_mean").scores().isnan().all()


def test_properties_of_one_segmenter_look_once(segmenter: ColourSegmenter) -> None:
    """Seven scorers, one calibrated; to the last bit what each says alone. A statistic beside them looks for itself."""
    made: list[Scorer] = []
    for name in NAMES:
        made.append(make_scorer(config_of(name), made))
    scored: list[Scorer] = [*made, CalibratedScorer(made[0], (0.1, 0.2, 0.3)), make_scorer(ScorerConfig(name="warmth"))]
    picture = picture_of(drawn_labels(64))
    alone = [scorer.score(picture) for scorer in scored]
    segmenter.calls = 0
    together = score_by_all(scored, picture)
    assert segmenter.calls == 1
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_the_detectors_networks_go_where_the_scorer_goes() -> None:
    """A detector that stays on the CPU would be shown pictures that lie on the GPU."""
    found = Mtcnn(Networks())
    made = PropertyScorer(NetworkSegmenter(torch.nn.Conv2d(3, 11, 1), Settings("face_parts"), detector=found), "eyes")
    made.double()
    assert {each.dtype for each in found.networks.parameters()} == {torch.float64}


def test_a_segmenter_is_loaded_once_for_scorers_that_share_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(weights: str) -> ColourSegmenter:
        loaded.append(weights)
        return ColourSegmenter()

    monkeypatch.setattr(scorers, "load_segmenter", load)
    made: list[Scorer] = []
    for name, weights in (("eyes", "faces"), ("mouth", "faces"), ("yaw", "other.pt"), ("yaw", "faces")):
        made.append(make_scorer(config_of(name, weights=weights), made))
    assert loaded == ["faces", "other.pt"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "nose"}, r"scorer\.target: unknown property 'nose'; scorer\.formula=ours measures eyes, mouth, "),
        ({"target": "eyes", "formula": "v3"}, r"scorer\.target: unknown property 'eyes'; .*v3 measures hairstyle"),
        ({}, r"scorer\.target: property needs one"),
        ({"target": "eyes", "arch": "x"}, r"scorer\.arch: property has no use for it"),
    ],
)
def test_what_is_wrong_is_said_before_a_file_is_read(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_scorer(ScorerConfig.model_validate({"name": "property", **settings}))


def test_the_segmenter_is_the_embedded_one_unless_another_is_named() -> None:
    assert config_of("eyes").weights == "faces"
    assert config_of("eyes", weights="rooms").weights == "faces"  # what an attribute's own section is merged into
    assert config_of("eyes", weights="mine.onnx").weights == "mine.onnx"
    assert scorer_files(config_of("eyes", weights="mine.onnx")) == {"weights": Path("mine.onnx")}


@pytest.mark.parametrize(
    ("options", "looks"),
    [("", True), ("#whole", False), ("#lapa+mtcnn", True), ("#lapa", True), ("#lapa+whole", False)],
)
def test_the_detectors_files_decide_scores_too(
    options: str, looks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tensors that do not say how they want their pictures are FaceXFormer's, whose faces MTCNN finds."""
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    torch.save({"a": torch.zeros(1)}, tmp_path / "published.pt")
    files = scorer_files(config_of("eyes", weights=f"{tmp_path / 'published.pt'}{options}"))
    assert files.pop("weights") == tmp_path / "published.pt"
    assert files == {f"detector.{name}": tmp_path / zoo()[name].file for name in ZOO if looks}
    assert ("detector.mtcnn_pnet" in scorer_files(config_of("eyes", weights=f"faces{options}"))) == ("mtcnn" in options)


def test_attributes_of_one_run_may_be_properties() -> None:
    config = parse_config({"attributes": {"eyes": {"scorer": {"name": "property", "target": "eyes"}}}})
    assert config.attributes is not None


def test_identity_of_other_configurations_stays() -> None:
    assert RunConfig().model_dump()["scorer"] == {"name": "lighting", "weights": "rooms"}
