"""A run of several attributes is a run for each, and nothing is different for a run of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.config import RunConfig, config_hash, identity, load_config
from higan_cam.config.attributes import members
from higan_cam.errors import ConfigError, StoreError
from higan_cam.label.loading import checked_kind
from higan_cam.store import begin_run, open_store, read_run, run_uris
from tests.support.commands import Command

ROOT = Path(__file__).resolve().parents[2]
BOTH = (
    "output=runs/both/",
    "seed=7",
    "edit.distance=2.0",
    "attributes.indoor_lighting={}",
    "attributes.warmth.scorer={name: warmth, scale: quartiles}",
    "attributes.warmth.edit.distance=1.0",
)


def test_a_run_of_one_attribute_is_its_own_only_member() -> None:
    config = RunConfig()
    assert members(config) == {"indoor_lighting": config}
    assert "attributes" not in identity(config)


def test_each_member_is_an_ordinary_run_with_its_own_words_said_last() -> None:
    config = load_config(overrides=BOTH)
    lighting, warmth = members(config).values()
    assert lighting == load_config(overrides=["output=runs/both/indoor_lighting", "seed=7", "edit.distance=2.0"])
    alone = ["output=elsewhere", "seed=7", "edit.distance=1", "attribute=warmth"]
    named = ["scorer.name=warmth", "scorer.scale=quartiles"]
    assert config_hash(warmth) == config_hash(load_config(overrides=[*alone, *named]))
    assert warmth.output == "runs/both/warmth"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("attributes.warmth.edit.distance=-1", r"attributes\.warmth\.edit\.distance: .*greater than 0, got -1"),
        ("attributes.warmth.edit.distence=1", r"attributes\.warmth\..*edit.*Did you mean 'distance'"),
        ("attributes.warmth.seed=1", r"attributes\.warmth: unknown name 'seed'; known: attribution, boundary"),
        ("attributes.warmth.curation.min_retention=0.5", r"attributes\.warmth: unknown name 'curation'"),
        (
            "attributes.warmth.boundary.conditions=[attribute:indoor_lighting]",
            r"attributes\.warmth\.boundary\.conditions: 'attribute:indoor_lighting'; write a file, or the bare name",
        ),
        ("attributes.report={}", r"attributes\.report: report and stats are folders of the run"),
        ("attributes.a/b={}", r"attributes\.a/b\.attribute: .*pattern"),
    ],
)
def test_what_is_wrong_with_one_is_found_with_the_configuration(
    override: str, message: str, higan_cam: Command
) -> None:
    with pytest.raises(ConfigError, match=message):
        members(load_config(overrides=[*BOTH, override]))
    status, _, told = higan_cam("config", "--set", override)
    assert status == 2
    assert "attributes." in told


def test_an_attribute_may_be_conditioned_on_others_and_comes_after_them(higan_cam: Command) -> None:
    conditions = "attributes.indoor_lighting.boundary.conditions=[warmth, view.npy]"
    runs = members(load_config(overrides=[*BOTH, conditions]))
    assert list(runs) == ["warmth", "indoor_lighting"]
    assert runs["indoor_lighting"].boundary.conditions == ("attribute:warmth", "view.npy")
    with pytest.raises(ConfigError, match=r"boundary\.conditions go round in a circle \(.*warmth.*\); leave one out"):
        members(load_config(overrides=[*BOTH, conditions, "attributes.warmth.boundary.conditions=[indoor_lighting]"]))


@pytest.mark.parametrize("path", sorted((ROOT / "data" / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_a_configuration_whose_scorers_have_what_they_need(path: Path) -> None:
    for config in members(load_config(path)).values():
        checked_kind(config.scorer)


def test_the_folder_above_names_the_runs_in_it_and_is_none_itself(tmp_path: Path) -> None:
    config = load_config(overrides=[*BOTH, f"output={tmp_path}/both"])
    store = open_store(config.output)
    begin_run(store, config)
    assert run_uris(store) == [f"{store.uri}/indoor_lighting", f"{store.uri}/warmth"]
    with pytest.raises(StoreError, match=r"holds a run for each of several attributes; name one of them: .*/warmth"):
        read_run(store)
    alone = open_store(str(tmp_path / "alone"))
    begin_run(alone, RunConfig())
    assert run_uris(alone) == [alone.uri]
