"""What the benchmarks compare does the same thing on both sides. No time is asserted."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.generate.stylegan import StyleGAN
from higan_cam.mask import grid_dbscan
from higan_cam.runtime.workers.mask import finish_unit
from tests.benchmarks import training_on_gpu
from tests.benchmarks.gpu_run import write_networks
from tests.benchmarks.gpu_timing import PRECISIONS
from tests.benchmarks.gpu_ways import measure_ways
from tests.benchmarks.growth import KINDS
from tests.benchmarks.published import PlainLayers, published_heat, published_masks
from tests.benchmarks.speed import EPS, MIN_SAMPLES, heat_masks, our_heat, sklearn_labels
from tests.benchmarks.timing import SpeedRow, side_by_side
from tests.benchmarks.virtual_gpus import finish

TAPS = (6, 8, 10, 11)


@pytest.fixture(scope="module")
def generator() -> StyleGAN:
    """128 px, so that it has both kinds of doubling; 8 channels."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = StyleGAN(resolution=128, z_dim=16, w_dim=16, mapping_layers=1, mapping_width=16, channels=(8,) * 6)
        for name, parameter in made.named_parameters():
            if name.endswith(("bias", "const")) or "apply_noise" in name:
                torch.nn.init.normal_(parameter, std=1.0 if name.endswith("const") else 0.1)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pair(generator: StyleGAN) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(1)
    code = generator.truncate(generator.map(torch.randn(1, 16, generator=source)))
    step = torch.zeros_like(code)
    step[:, 6:] = 0.5 * torch.randn(16, generator=source)
    return code - step, code + step


def test_plain_layers_are_the_generators_layers(generator: StyleGAN, pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    image, features = generator.synthesize(pair[0], range(12))
    plain_image, outputs = PlainLayers.of(generator)(pair[0])
    torch.testing.assert_close(plain_image, image, atol=1e-4, rtol=1e-4)
    for layer, output in enumerate(outputs):
        torch.testing.assert_close(output, features[layer], atol=1e-4, rtol=1e-4)


def test_the_published_algorithm_gives_our_heat_map(
    generator: StyleGAN, pair: tuple[torch.Tensor, torch.Tensor]
) -> None:
    published = published_heat(PlainLayers.of(generator), *pair, TAPS)
    np.testing.assert_allclose(our_heat(generator, pair, TAPS, 128), published, atol=1e-4)
    assert all(mask.shape == (128, 128) for mask in published_masks(published))


def test_the_masks_have_the_sizes_and_the_labels_that_are_promised() -> None:
    masks = list(heat_masks())
    sizes = [int(mask.sum()) for mask in masks]
    assert (min(sizes), max(sizes)) == (1_500, 30_000)
    np.testing.assert_array_equal(grid_dbscan(masks[4], EPS, MIN_SAMPLES), sklearn_labels(masks[4]))


def test_both_sides_run_equally_often_and_in_turn() -> None:
    calls: list[str] = []
    left, right = side_by_side(lambda: calls.append("a"), lambda: calls.append("b"), repeats=2)
    assert "".join(calls) == "ab" + "ab" + "ba"
    assert len(left) == len(right) == 2


@pytest.mark.parametrize(("sense", "met"), [(">=", True), ("<=", False)])
def test_the_median_meets_the_target_or_not(sense: str, met: bool) -> None:
    row = SpeedRow("x", (1.0, 3.0, 9.0), 1, 3, "", 2.0, sense)  # type: ignore[arg-type]
    assert row.median == 3
    assert row.met is met


@pytest.mark.parametrize("side", [64, 96])
def test_the_worst_cases_of_regions_are_labelled_as_scikit_learn_labels_them(side: int) -> None:
    for kind, draw in KINDS.items():
        mask = draw(side)
        labels = grid_dbscan(mask, EPS, MIN_SAMPLES)
        np.testing.assert_array_equal(labels, sklearn_labels(mask), err_msg=kind)


@pytest.mark.slow
def test_ways_of_the_generator_agree_and_one_that_cannot_be_had_says_why(tmp_path: Path) -> None:
    ways = list(measure_ways(write_networks(tmp_path, tiny=True), "cpu", batch=2, least=0.01, backend="eager"))
    assert [way.precision for way in ways[::3]] == [*PRECISIONS]
    for plain, compiled, recorded in zip(ways[::3], ways[1::3], ways[2::3], strict=True):
        assert plain.psnr_db is None
        assert compiled.psnr_db is None or compiled.psnr_db > 80
        assert compiled.per_second > 0
        assert recorded.per_second == 0
        assert "needs a GPU" in recorded.why_not


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_training_on_a_gpu_says_so_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["training_on_gpu", "speed", "lowshot"])
    assert training_on_gpu.main() == 0
    assert capsys.readouterr().out.split("\n")[:2] == ["speed: not measured", "lowshot: not measured"]


@pytest.mark.slow
def test_the_gpu_script_says_that_it_measured_nothing_where_there_is_no_gpu() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    told = subprocess.run([sys.executable, "-m", "tests.benchmarks.gpu"], capture_output=True, text=True, check=True)
    assert "not measured" in told.stdout


def test_the_simulated_task_is_called_as_the_real_one_is() -> None:
    real, simulated = (list(inspect.signature(task).parameters) for task in (finish_unit, finish))
    assert simulated == real
