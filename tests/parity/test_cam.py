"""The published CAM difference, from stored sums and from recomputed features (shared/parity, sections 7, 8)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config import AttributionConfig
from higan_cam.generate.stylegan import StyleGAN
from higan_cam.mask.activation_difference import cam_difference, channel_cam
from higan_cam.mask.attribution import make_attribution
from higan_cam.mask.clustering import grid_dbscan
from higan_cam.mask.heat import resize_maps, unit_peak
from higan_cam.mask.regions import rank_clusters
from higan_cam.types import Scorer
from tests.parity.hash_weights import hash_generator
from tests.parity.test_dbscan import published_ellipse

LAYERS = tuple(range(6, 12))
SETTINGS = (("eps4_min40_thr0.5", 4, 40), ("eps5_min40_thr0.5", 5, 40), ("eps3_min5_thr0.5", 3, 5))
LATENTS = range(4)


@pytest.fixture(scope="module")
def latents(parity: Path) -> list[dict[str, Any]]:
    return [dict(np.load(parity / f"cam_latent{index}.npz")) for index in LATENTS]


@pytest.fixture(scope="module")
def generator(parity: Path) -> StyleGAN:
    return hash_generator(parity)


@pytest.fixture(scope="module")
def heat(generator: StyleGAN, latents: Any) -> Tensor:
    """All four latents' maps in one batch. The published map never looks at a scorer, so none is passed."""
    ends = [torch.from_numpy(np.stack([arrays[f"code_{end}"] for arrays in latents])) for end in ("neg", "pos")]
    attribution = make_attribution(AttributionConfig(name="activation_difference"), LAYERS)
    no_scorer: Scorer = None  # type: ignore[assignment]
    return attribution(generator, no_scorer, *ends)


def tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))[None]


def loop_heat(arrays: dict[str, Any], prefix: str, target: int) -> Tensor:
    heat = torch.zeros(1, target, target)
    for layer in LAYERS:
        low, high = (channel_cam(tensor(arrays[f"{prefix}l{layer:02d}_feat_{end}"])) for end in ("neg", "pos"))
        heat += resize_maps(cam_difference(low, high), target)
    return unit_peak(heat)[0]


@pytest.mark.parametrize("latent", LATENTS)
def test_maps_from_the_stored_sums_equal_the_reference(latents: Any, latent: int) -> None:
    arrays, total = latents[latent], torch.zeros(1, 256, 256)
    for layer in LAYERS:
        name = f"l{layer:02d}"
        low, high = (channel_cam(tensor(arrays[f"{name}_sum_{end}"])[:, None]) for end in ("neg", "pos"))
        change = cam_difference(low, high)
        torch.testing.assert_close(low[0], torch.from_numpy(arrays[f"{name}_cam_neg"]), atol=2e-6, rtol=0)
        torch.testing.assert_close(high[0], torch.from_numpy(arrays[f"{name}_cam_pos"]), atol=2e-6, rtol=0)
        torch.testing.assert_close(change[0], torch.from_numpy(arrays[f"{name}_diff_norm_clip"]), atol=3e-5, rtol=0)
        total += resize_maps(change, 256)
    torch.testing.assert_close(total[0], torch.from_numpy(arrays["aggregate"]), atol=5e-5, rtol=0)
    torch.testing.assert_close(unit_peak(total)[0], torch.from_numpy(arrays["aggregate_normalized"]), atol=5e-5, rtol=0)


def test_resizing_equals_cv2(latents: Any) -> None:
    for layer in LAYERS:
        resized = resize_maps(tensor(latents[0][f"l{layer:02d}_diff_norm_clip"]), 256)[0]
        torch.testing.assert_close(resized, torch.from_numpy(latents[0][f"l{layer:02d}_resized"]), atol=2e-7, rtol=0)


@pytest.mark.parametrize("latent", LATENTS)
def test_recomputed_heat_maps_equal_the_reference(heat: Tensor, latents: Any, latent: int) -> None:
    reference = torch.from_numpy(latents[latent]["aggregate_normalized"])
    torch.testing.assert_close(heat[latent], reference, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("name", "eps", "min_samples"), SETTINGS)
@pytest.mark.parametrize("latent", LATENTS)
def test_labels_equal_the_reference(
    heat: Tensor, latents: Any, latent: int, name: str, eps: float, min_samples: int
) -> None:
    arrays = latents[latent]
    stored, recomputed = arrays["aggregate_normalized"], heat[latent].numpy()
    np.testing.assert_array_equal(grid_dbscan(stored >= 0.5, eps, min_samples), arrays[f"labels_{name}"])
    differing = grid_dbscan(recomputed >= 0.5, eps, min_samples) != arrays[f"labels_{name}"]
    assert differing.sum() <= 10


@pytest.mark.parametrize(("eps", "rank_by"), [(4, "importance"), (5, "mean")])
@pytest.mark.parametrize("latent", LATENTS)
def test_published_masks_are_reproduced_end_to_end(
    heat: Tensor, latents: Any, parity: Path, latent: int, eps: float, rank_by: Any
) -> None:
    recomputed = heat[latent].numpy()
    labels = grid_dbscan(recomputed >= 0.5, eps, 40)
    order = rank_clusters(recomputed, labels, rank_by).order[:3]
    case = json.loads((parity / "cam_cases.json").read_text())["cases"][latent]
    record = next(entry for entry in case["dbscan"] if (entry["eps"], entry["min_samples"]) == (eps, 40))
    assert order.tolist() == record["top3_by_importance" if rank_by == "importance" else "top3_by_mean_heat"]
    for rank, label in enumerate(order, start=1):
        ours = published_ellipse(labels.shape, np.argwhere(labels == label))
        reference = latents[latent][f"mask_eps{eps}_by_{rank_by}_{rank}"] > 0
        assert (ours & reference).sum() / (ours | reference).sum() >= 0.99


@pytest.mark.parametrize("case", ["normal", "never_brighter_one_layer", "single_pixel_peak"])
def test_the_loop_on_crafted_features_equals_the_reference(parity: Path, case: str) -> None:
    arrays = dict(np.load(parity / "cam_edge_cases.npz"))
    expected = torch.from_numpy(arrays[f"{case}_aggregate_normalized"])
    torch.testing.assert_close(loop_heat(arrays, f"{case}_", 32), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("case", "layer", "end"), [("all_negative_one_layer", 8, "neg"), ("constant_one_layer", 9, "pos")]
)
def test_a_flat_end_is_a_zero_map_where_the_reference_gives_nan(parity: Path, case: str, layer: int, end: str) -> None:
    arrays = dict(np.load(parity / "cam_edge_cases.npz"))
    assert np.isnan(arrays[f"{case}_aggregate_normalized"]).all()
    assert (channel_cam(tensor(arrays[f"{case}_l{layer:02d}_feat_{end}"])) == 0).all()
    heat = loop_heat(arrays, f"{case}_", 32)
    assert bool(heat.isfinite().all())
    assert heat.max() == 1


def test_a_layer_without_change_adds_nothing_where_the_reference_gives_nan(parity: Path) -> None:
    arrays = dict(np.load(parity / "cam_edge_cases.npz"))
    assert np.isnan(arrays["identical_one_layer_aggregate_normalized"]).all()
    low, high = (channel_cam(tensor(arrays[f"identical_one_layer_l07_feat_{end}"])) for end in ("neg", "pos"))
    assert (cam_difference(low, high) == 0).all()
    assert loop_heat(arrays, "identical_one_layer_", 32).max() == 1


def test_a_pair_that_is_never_brighter_has_a_zero_map_where_the_reference_gives_nan(parity: Path) -> None:
    arrays = dict(np.load(parity / "cam_edge_cases.npz"))
    assert np.isnan(arrays["never_brighter_aggregate_normalized"]).all()
    assert (loop_heat(arrays, "never_brighter_", 32) == 0).all()
