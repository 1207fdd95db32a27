"""The card makes the output a dataset, and says what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from higan_cam.config import RunConfig, parse_config
from higan_cam.publish.card import CardFacts, render_card, size_category
from higan_cam.publish.dataset import COLUMNS, encode_shard
from higan_cam.publish.splits import plan_splits
from higan_cam.store.keys import shard_path
from higan_cam.store.run import describe_run
from higan_cam.types import Sample
from tests.support.chosen import CHOICE
from tests.support.refined import REFINED


def facts_of(config: RunConfig | None = None, **values: Any) -> CardFacts:
    defaults: dict[str, Any] = {
        "title": "Rooms",
        "license": "mit",
        "rows": {"train": 8, "validation": 2, "test": 2},
        "resolution": 64,
        "generator": "StyleGAN2, embedded",
        "scorer": "ResNet18",
        "run": describe_run(config or RunConfig(), {"generator": "a" * 64}),
        "boundary": {"tail_accuracy": 0.98765, "C": "auto"},
        "quality": {"retention, median": 0.5},
        "notes": ["Lamps only."],
    }
    return CardFacts(**{**defaults, **values})


def front_matter(card: str) -> dict[str, Any]:
    _, block, _ = card.split("---\n", 2)
    values: dict[str, Any] = yaml.safe_load(block)
    return values


def test_front_matter_names_files_per_split() -> None:
    values = front_matter(render_card(facts_of()))
    assert values["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*.parquet"},
        {"split": "validation", "path": "data/validation-*.parquet"},
        {"split": "test", "path": "data/test-*.parquet"},
    ]
    assert (values["license"], values["size_categories"]) == ("mit", ["n<1K"])


def test_front_matter_states_types_and_where_final_counts() -> None:
    info = front_matter(render_card(facts_of()))["dataset_info"]
    assert [feature["name"] for feature in info["features"]] == [*COLUMNS]
    assert "splits" not in info, "12 of 1,024 samples: the run is not finished, and loaders check these counts"
    config = parse_config({"mask": {"count": 12}})
    info = front_matter(render_card(facts_of(config, sizes={"train": 800, "validation": 200, "test": 200})))[
        "dataset_info"
    ]
    assert info["splits"][0] == {"name": "train", "num_bytes": 800, "num_examples": 8}


def test_empty_splits_are_left_out() -> None:
    values = front_matter(render_card(facts_of(rows={"train": 5, "test": 0})))
    assert [entry["split"] for entry in values["configs"][0]["data_files"]] == ["train"]


def test_card_shows_columns_configuration_digests_and_figures() -> None:
    card = render_card(facts_of())
    assert all(f"| `{name}` |" in card for name in COLUMNS)
    for text in ("| tail_accuracy | 0.9877 |", "a" * 64, "| retention, median | 0.5 |", "Lamps only.", "eps: 4.0"):
        assert text in card
    assert facts_of().run["config_hash"] in card
    assert "{{" not in card


def test_card_says_what_counts_as_rounding_where_it_was_measured() -> None:
    assert "count as rounding" not in render_card(facts_of())
    card = render_card(facts_of(run={**describe_run(RunConfig(), {}), "floor_levels": 3}))
    assert "Changes of up to 3 of 255 levels count as rounding" in card


def test_card_says_which_picture_a_score_is_of_and_how_to_read_heat() -> None:
    card = render_card(facts_of())
    assert "`score` in `scores/` of the picture as the generator draws it" in card
    assert 'row["heat"].to(torch.float32) / 65535' in card


def test_heat_is_read_in_torch_as_the_card_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_sample: Callable[..., Sample]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="the datasets library is a development extra")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    (tmp_path / "shard.parquet").write_bytes(encode_shard([make_sample(3)]))
    rows = datasets.load_dataset("parquet", data_files=str(tmp_path / "shard.parquet"), split="train")
    row = rows.with_format("torch")[0]
    assert row["heat"].dtype == torch.uint16
    heat = row["heat"].to(torch.float32) / 65535
    np.testing.assert_allclose(heat[0], make_sample(3).heat, atol=1e-5)
    np.testing.assert_allclose(np.asarray(rows[0]["heat"]) / 65535, heat[0], atol=1e-7)


def test_ready_boundary_is_not_called_fitted() -> None:
    config = parse_config({"boundary": {"weights": "light.npy"}})
    assert "not fitted in this run" in render_card(facts_of(config))
    assert "2000 highest" in render_card(facts_of())


def test_same_facts_give_the_same_card() -> None:
    assert render_card(facts_of()) == render_card(facts_of())


def test_hostile_text_stays_inside_its_place() -> None:
    config = parse_config({"publish": {"captions": {"scene": "a: |\n---\n{{ 1 + 1 }} <b>"}}})
    card = render_card(facts_of(config, title="a: b\n---\n# c", boundary={"a|b": "c\nd"}))
    assert front_matter(card)["pretty_name"] == "a: b --- # c"
    assert "| a\\|b | c d |" in card
    assert "{{ 1 + 1 }}" in card


@pytest.mark.parametrize(("rows", "name"), [(0, "n<1K"), (1_000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**6, "n>1M")])
def test_size_categories(rows: int, name: str) -> None:
    assert size_category(rows) == name


def test_output_folder_loads_as_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_sample: Callable[..., Sample]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="the datasets library is a development extra")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    datasets.disable_progress_bars()
    output, config = tmp_path / "run", RunConfig()
    for folder in ("data", "scores", "manifest"):
        (output / folder).mkdir(parents=True)
    (output / "scores/part-00000.parquet").write_bytes(b"not for you")
    (output / "manifest/data-00000.json").write_text("{}")
    (output / "data/.train-00000-of-00010.parquet.1-a.tmp").write_bytes(b"half")
    for shard, place in enumerate(plan_splits(4, config.publish)):
        (output / shard_path(*place)).write_bytes(encode_shard([make_sample(2 * shard), make_sample(2 * shard + 1)]))
    (output / "README.md").write_text(render_card(facts_of(rows={"train": 4, "validation": 2, "test": 2})))
    loaded = datasets.load_dataset(str(output))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 4, "validation": 2, "test": 2}
    row = loaded["validation"][0]
    assert np.array_equal(np.asarray(row["image"]), make_sample(row["index"]).image)


def test_the_card_of_a_run_that_chose_its_attribution_says_by_what() -> None:
    config = parse_config({"attribution": {"name": "auto"}})
    card = render_card(facts_of(config, chosen=CHOICE))
    assert "those of `colour_change`, the best of 2 methods on the edits of 32 samples" in " ".join(card.split())
    assert (
        "| grad_cam | 0.500 [0.490, 0.510] | 0.500 [0.490, 0.510] | 0.400 [0.390, 0.410] | 0.120 [0.110, 0.130] |"
        in card
    )
    assert "`colour_change` gives the heat map" in card
    assert "Chosen" not in render_card(facts_of())


def test_a_refined_runs_card_says_so_with_the_figures_of_both_masks() -> None:
    config = parse_config({"mask": {"refine": "student"}})
    card = render_card(facts_of(config, refined=REFINED))
    assert "| retention | 120 | 0.700 [0.690, 0.710] | 0.750 [0.740, 0.760] | 0.050 [0.040, 0.060] |" in card
    assert REFINED.sha256 in card
    assert "It has learned from 4096 samples of this run whose heat map was `light_change`" in card
    assert "0.812 [0.802, 0.822] (IoU)" in card
    plain = render_card(facts_of())
    assert "Refined" not in plain
    assert "`light_change` gives the heat map" in plain
    assert "in the sample and in the negative end" in " ".join(card.split())
