"""Shards of a run can be made again from run.json, boundary and weights; what was tampered with cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
from typer.testing import CliRunner

from higan_cam.cli.app import app
from higan_cam.config import RunConfig, config_hash, load_config
from higan_cam.errors import DataError, WeightsError
from higan_cam.label.segmenters.mtcnn import ZOO
from higan_cam.manipulate import encode_boundary
from higan_cam.pipeline import attribute_unit, label_unit, load_models
from higan_cam.pipeline.devices import device_kind
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.pipeline.inverting import encoder_name
from higan_cam.pipeline.photos import student_name
from higan_cam.publish import decode_scores, encode_scores, encode_shard, plan_splits
from higan_cam.runtime.plan import plan_label, plan_mask
from higan_cam.runtime.preflight import weights_digests
from higan_cam.runtime.remake import Remade, remake_shards, with_recorded_weights
from higan_cam.runtime.stages.fit import find_boundary
from higan_cam.store import begin_run, commit_shard, open_store, quarantine_shard, read_run
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import DATA, SCORES, boundary_keys, scores_path, shard_path
from higan_cam.store.run import recorded_config
from higan_cam.store.store import Store
from higan_cam.types import Boundary
from higan_cam.weights.embedded import embedded_path as weights_path
from higan_cam.weights.zoo import zoo

SETTINGS = (
    "label.count=6",
    "label.shard_size=3",
    "boundary.tails=2",
    "mask.count=4",
    "mask.shard_size=2",
    "attribution.name=image_difference",
)


def make_run(config: RunConfig) -> Store:
    """What the stages leave, without Ray and with a boundary that nobody fitted."""
    store, models, made = open_store(config.output), load_models(config), config_hash(config)
    begin_run(store, config, weights_digests(config))
    for unit in plan_label(config):
        body, path = encode_scores(*label_unit(models, config, unit)), scores_path(unit.shard)
        commit_shard(store, stage=SCORES, shard=unit.shard, path=path, body=body, rows=3, config_hash=made)
    normal = np.eye(1, models.generator.w_dim, dtype=np.float32)[0]
    boundary = Boundary(normal, 0.0, "w", tuple(range(models.generator.num_layers)), config.attribute)
    for key, body in zip(boundary_keys(config), encode_boundary(boundary), strict=True):
        store.put(key, body)
    for unit in plan_mask(config):
        samples = mask_samples(models.scorer, config, attribute_unit(models, config, boundary, unit))
        path = shard_path(*plan_splits(2, config.publish)[unit.shard])
        body = encode_shard(samples, config.publish.row_group)
        commit_shard(store, stage=DATA, shard=unit.shard, path=path, body=body, rows=2, config_hash=made)
    for key in store.list("manifest/"):
        store.put(key.replace("manifest", "stats"), canonical_json({"device": device_kind("cpu")}))
    return store


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and, beside it, the weights it was made with."""
    folder = tmp_path_factory.mktemp("remake")
    for role in ("generator", "scorer"):
        shutil.copy(weights_path(f"rooms_{role}.safetensors"), folder / f"{role}.safetensors")
    named = [f"{role}.weights={folder / role}.safetensors" for role in ("generator", "scorer")]
    make_run(load_config(None, [f"output={folder / 'run'}", *SETTINGS, *named]))
    return folder


@pytest.fixture
def folder(made_once: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the run to tamper with; the weights it names are put back afterwards."""
    kept = {path: path.read_bytes() for path in made_once.glob("*.safetensors")}
    shutil.copytree(made_once / "run", tmp_path / "run")
    yield tmp_path
    for path, body in kept.items():
        path.write_bytes(body)


def remade(folder: Path, count: int = 99, **options: object) -> dict[str, Remade]:
    found = remake_shards(open_store(folder / "run"), count, tell=lambda _: None, **options)  # type: ignore[arg-type]
    return {shard.path: shard for shard in found}


def replace_shard(store: Store, entry: str, body: bytes) -> None:
    """Another body, and a manifest entry that vouches for it."""
    path = store.get(entry).decode().split('"path":"')[1].split('"')[0]
    old = store.get(path)
    text = store.get(entry).decode().replace(digest(old), digest(body))
    store.put(path, body)
    store.put(entry, text.replace(f'"bytes":{len(old)},', f'"bytes":{len(body)},').encode())


def change_one_weight(path: Path) -> None:
    tensors = safetensors.torch.load_file(path)
    opened: Any = safetensors.safe_open(path, "pt")
    metadata = opened.metadata()
    name = max(tensors, key=lambda key: tensors[key].numel())
    tensors[name].view(-1)[: tensors[name].numel() // 2] *= -1
    safetensors.torch.save_file(tensors, path, metadata=metadata)


def test_every_shard_of_a_run_is_made_again_byte_for_byte(folder: Path) -> None:
    found = remade(folder)
    assert len(found) == 4
    assert {shard.verdict for shard in found.values()} == {"identical"}


def test_the_seed_chooses_the_shards(folder: Path) -> None:
    assert remade(folder, 1, seed=1).keys() == remade(folder, 1, seed=1).keys()
    assert len({path for seed in range(4) for path in remade(folder, 1, seed=seed)}) > 1


def test_one_changed_byte_is_found_even_where_the_manifest_vouches_for_it(folder: Path) -> None:
    store = open_store(folder / "run")
    path = next(key for key in store.list("data/"))
    body = bytearray(store.get(path))
    body[len(body) // 2] ^= 1
    replace_shard(store, "manifest/data-00000.json", bytes(body))
    shown = CliRunner().invoke(app, ["verify", str(folder / "run"), "--remake", "99"])
    assert shown.exit_code == 1
    assert f"differing {path} other bytes, on the same kind of device" in " ".join(shown.output.split())
    assert shown.output.count("identical") == 3


def test_a_changed_byte_alone_fails_the_digest(folder: Path) -> None:
    store = open_store(folder / "run")
    path = next(key for key in store.list("data/"))
    body = bytearray(store.get(path))
    body[len(body) // 2] ^= 1
    store.put(path, bytes(body))
    shown = CliRunner().invoke(app, ["verify", str(folder / "run")])
    assert shown.exit_code == 1
    assert f"differing {path}: sha256" in " ".join(shown.output.split())


def test_other_weights_are_refused_by_digest_and_found_where_they_are(folder: Path, made_once: Path) -> None:
    original = folder / "elsewhere.safetensors"
    shutil.copy(made_once / "generator.safetensors", original)
    change_one_weight(made_once / "generator.safetensors")
    with pytest.raises(WeightsError, match=r"generator\.weights: .*sha256.*(?s:.*)--weights FILE"):
        remade(folder)
    assert {shard.verdict for shard in remade(folder, weights=[original]).values()} == {"identical"}


def test_a_second_scorers_weights_are_found_by_digest_too(tmp_path: Path) -> None:
    named, moved = tmp_path / "second.safetensors", tmp_path / "moved.safetensors"
    shutil.copy(weights_path("rooms_scorer.safetensors"), named)
    config = load_config(None, [f"mask.second_scorer.weights={named}"])
    recorded = {"weights": weights_digests(config)}
    named.rename(moved)
    with pytest.raises(WeightsError, match=r"mask\.second_scorer\.weights: .*sha256.*(?s:.*)--weights FILE"):
        with_recorded_weights(config, recorded)
    found = with_recorded_weights(config, recorded, [moved]).mask.second_scorer
    assert found is not None
    assert found.weights == str(moved)


def test_a_detector_that_changed_since_the_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    for name in ZOO:
        (tmp_path / zoo()[name].file).write_bytes(name.encode())
    config = load_config(None, ["scorer.name=property", "scorer.target=eyes", "scorer.weights=faces#mtcnn"])
    recorded = {"weights": weights_digests(config)}
    assert with_recorded_weights(config, recorded) == config
    (tmp_path / zoo()[ZOO[1]].file).write_bytes(b"another")
    with pytest.raises(WeightsError, match=r"scorer\.detector\.mtcnn_rnet: this run was made with(?s:.*)Put that file"):
        with_recorded_weights(config, recorded, [tmp_path / "elsewhere"])


@pytest.mark.parametrize("role", ["invert.encoder", "student"])
def test_what_reads_pictures_is_found_by_digest_too(tmp_path: Path, role: str) -> None:
    named, moved = tmp_path / "named.safetensors", tmp_path / "moved.safetensors"
    field, file = {
        "invert.encoder": ("invert.encoder", "rooms_encoder"),
        "student": ("student.weights", "rooms_student"),
    }[role]
    shutil.copy(weights_path(f"{file}.safetensors"), named)
    config = load_config(None, ["source.kind=pictures", "source.pictures=photos", f"{field}={named}"])
    recorded = {"weights": weights_digests(config)}
    found = with_recorded_weights(config, recorded)
    assert (found.invert, found.student) == (config.invert, config.student)
    named.rename(moved)
    with pytest.raises(WeightsError, match=rf"{role}: .*sha256.*(?s:.*)--weights FILE"):
        with_recorded_weights(config, recorded)
    found = with_recorded_weights(config, recorded, [moved])
    assert (found.invert.encoder, found.student.weights)[role == "student"] == str(moved)


def test_a_moved_generator_keeps_the_encoder_and_student_that_it_brought(tmp_path: Path) -> None:
    config = load_config(None, ["source.kind=pictures", "source.pictures=photos"])
    moved = tmp_path / "moved.safetensors"
    shutil.copy(weights_path("rooms_generator.safetensors"), moved)
    change_one_weight(moved)
    recorded = {"weights": weights_digests(config) | {"generator": digest(moved.read_bytes())}}
    found = with_recorded_weights(config, recorded, [moved])
    assert found.generator.weights == str(moved)
    assert Path(str(encoder_name(found))).name == "rooms_encoder.safetensors"
    assert Path(str(student_name(found))).name == "rooms_student.safetensors"


def test_weights_that_the_run_falsely_claims_make_other_samples(folder: Path, made_once: Path) -> None:
    store, path = open_store(folder / "run"), made_once / "scorer.safetensors"
    before = digest(path.read_bytes())
    change_one_weight(path)
    store.put("run.json", store.get("run.json").replace(before.encode(), digest(path.read_bytes()).encode()))
    for key in store.list("stats/"):  # even where nobody knows what it was made on
        store.put(key, b"{}")
    found = remade(folder)
    assert {shard.verdict for shard in found.values()} == {"differing"}
    assert "score" in found[scores_path(0)].detail


def test_a_run_of_another_device_agrees_within_tolerance_and_says_so(folder: Path) -> None:
    store = open_store(folder / "run")
    indices, scores = decode_scores(store.get(scores_path(0)))
    replace_shard(store, "manifest/scores-00000.json", encode_scores(indices, scores + np.float32(1e-4)))
    assert remade(folder)[scores_path(0)].verdict == "differing"
    store.put("stats/scores-00000.json", canonical_json({"device": "cuda NVIDIA of some kind"}))
    found = remade(folder)[scores_path(0)]
    assert found.verdict == "within tolerance"
    assert "made on cuda NVIDIA of some kind, here cpu" in found.detail


def test_a_shard_made_with_less_memory_is_made_again_with_the_recorded_micro_batch(folder: Path) -> None:
    store = open_store(folder / "run")
    whole = recorded_config(store)
    config = whole.model_copy(update={"mask": whole.mask.model_copy(update={"micro_batch": 1})})
    models, boundary = load_models(config), find_boundary(config, store)
    assert boundary is not None
    heat = attribute_unit(models, config, boundary, plan_mask(config)[0])
    body = encode_shard(mask_samples(models.scorer, config, heat), config.publish.row_group)
    replace_shard(store, "manifest/data-00000.json", body)
    entry = store.get("manifest/data-00000.json").decode()
    store.put("manifest/data-00000.json", entry.replace("{", '{"extra":{"micro_batch":1},', 1).encode())
    assert {shard.verdict for shard in remade(folder).values()} == {"identical"}


def test_shards_are_made_again_with_the_floor_that_the_run_recorded(folder: Path) -> None:
    """By one of 255 levels no picture changes, so that every map is empty and both shards of samples differ."""
    store = open_store(folder / "run")
    store.put("run.json", json.dumps({**read_run(store), "floor_levels": 255}).encode())
    verdicts = {path: shard.verdict for path, shard in remade(folder).items()}
    assert {verdict for path, verdict in verdicts.items() if path.startswith("scores")} == {"identical"}
    assert {verdict for path, verdict in verdicts.items() if path.startswith("data")} == {"differing"}


def test_nothing_committed_is_nothing_to_make_again(folder: Path) -> None:
    shutil.rmtree(folder / "run" / "manifest")
    with pytest.raises(DataError, match="nothing to make again"):
        remade(folder)


def test_verify_tells_complete_quarantined_and_unfinished_runs_apart(folder: Path) -> None:
    verify = ["verify", str(folder / "run")]
    assert CliRunner().invoke(app, verify).exit_code == 0
    store = open_store(folder / "run")
    record = store.get("manifest/data-00001.json").decode()
    path = record.split('"path":"')[1].split('"')[0]
    (folder / "run" / path).unlink()
    (folder / "run" / "manifest" / "data-00001.json").unlink()
    shown = CliRunner().invoke(app, verify)
    assert shown.exit_code == 1
    assert "mask: 1 of 2 shards are missing: 1" in " ".join(shown.output.split())
    quarantine_shard(store, DATA, 1, {"attempts": 3, "traceback": "ValueError: bad latent"})
    shown = CliRunner().invoke(app, verify)
    assert shown.exit_code == 3
    assert "shard 1 is quarantined after 3 attempts: ValueError: bad latent" in " ".join(shown.output.split())


def test_a_scorer_without_weights_has_no_digest_and_needs_no_file(tmp_path: Path) -> None:
    config = load_config(None, ["scorer.name=luminance", f"scorer.weights={tmp_path / 'nothing'}"])
    recorded = {"weights": weights_digests(config)}
    assert set(recorded["weights"]) == {"generator"}
    assert with_recorded_weights(config, recorded) == config


def test_a_scorers_module_that_changed_since_the_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "scorer_of_then.py"
    module.write_text("class Mean:\n    def score(self, image):\n        return image.mean(dim=(1, 2, 3))\n")
    monkeypatch.syspath_prepend(tmp_path)
    config = load_config(None, ["scorer.name=custom", "scorer.factory=scorer_of_then:Mean"])
    recorded = {"weights": weights_digests(config)}
    assert "scorer.factory" in recorded["weights"]
    assert with_recorded_weights(config, recorded) == config
    module.write_text(module.read_text().replace("mean", "amax"))
    with pytest.raises(WeightsError, match=r"scorer\.factory: this run was made with(?s:.*)scorer_of_then\.py"):
        with_recorded_weights(config, recorded)
