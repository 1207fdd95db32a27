"""The configuration: what overrides what, what is refused and in which words, and what a run's identity is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from higan_cam.config import (
    RunConfig,
    config_hash,
    differing_fields,
    identity,
    load_config,
    parse_config,
    parse_layers,
)
from higan_cam.errors import ConfigError


@pytest.fixture
def yaml_file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text("regions: {eps: 7, top: 5}\nedit: {layers: 0-4}\n", encoding="utf-8")
    return path


def refusal(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(overrides=overrides)
    return str(caught.value)


def test_profile_then_file_then_overrides(yaml_file: Path) -> None:
    config = load_config(yaml_file, ["regions.top=2"], profile="seed")
    assert (config.regions.style, config.boundary.C) == ("ellipse", 1.0)  # the profile's
    assert (config.regions.eps, config.edit.layers) == (7.0, "0-4")  # the file's
    assert config.regions.top == 2  # --set's
    assert config.label == RunConfig().label  # nobody's


@pytest.mark.parametrize("pictures", ["my rooms #1 50%", "'quoted'", "null", "[a]", " a ", "a: b"])
def test_the_arguments_of_a_command_are_taken_character_for_character(yaml_file: Path, pictures: str) -> None:
    """`higan-cam recommend "my rooms #1"` was refused: the path went through YAML, to which # begins a comment."""
    arguments = {"source": {"kind": "pictures", "pictures": pictures}, "regions": {"eps": 3, "top": 4}}
    config = load_config(yaml_file, ["regions.top=2"], arguments=arguments)
    assert (config.source.pictures, config.regions.eps, config.regions.top) == (pictures, 3, 2)


def test_a_later_override_wins() -> None:
    assert load_config(overrides=["seed=1", "seed=2"]).seed == 2


def test_nothing_given_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert load_config() == load_config(tmp_path / "empty.yaml") == RunConfig()


def test_the_effective_configuration_reads_back() -> None:
    config = load_config(overrides=["edit.layers=6-11", "boundary.C=1e-3"], profile="seed")
    assert parse_config(config.model_dump(mode="json")) == config


def test_it_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("label.cuont=5", ["label.cuont", "'cuont'", "Did you mean 'count'?"]),
        ("lable.count=5", ["'lable'", "Did you mean 'label'?"]),
        ("regions.zzz=5", ["regions.zzz", "known: emitter_grow, emitter_peak, eps, min_samples"]),
        ("seed=-1", ["seed", "greater than or equal to 0", "got -1"]),
        ("edit.distance=far", ["edit.distance", "valid number", "got 'far'"]),
        ("edit.distance=.inf", ["edit.distance", "finite", "got inf"]),
        ("boundary.C=0", ["boundary.C", "> 0 or 'auto'", "got 0"]),
        ("boundary.C=often", ["boundary.C", "'auto'", "got 'often'"]),
        ("boundary.space=z", ["boundary.space", "'w'", "got 'z'"]),
        ("regions.style=blob", ["regions.style", "'cluster', 'ellipse' or 'hull'", "got 'blob'"]),
        ("runtime.workers=0", ["runtime.workers", ">= 1 or 'auto'", "got 0"]),
        ("runtime.gpus_per_worker=-1", ["runtime.gpus_per_worker", ">= 0 or 'auto'", "got -1"]),
        ("edit.layers=11-6", ["edit.layers", "'6-11'", "got '11-6'"]),
        ("attribution.layers=six", ["attribution.layers", "'0-4,8'", "got 'six'"]),
        ("edit.layers=[6, 7]", ["edit.layers", "valid string", "got [6, 7]"]),
        ("label=5", ["label", "LabelConfig", "got 5"]),
        ("publish.captions.scene=", ["publish.captions.scene", "valid string", "got None"]),
        ("publish.captions.subject=' '", ["publish.captions.subject", "must be a word"]),
        ("publish.captions.levels=[]", ["publish.captions.levels", "at least 1"]),
        ("publish.captions.levels=[dark, ' ']", ["publish.captions.levels", "none of them empty"]),
        ("publish.captions.positions=[left, right]", ["publish.captions.positions", "9 words"]),
        ("publish.captions.templates=['']", ["publish.captions.templates", "none of them empty"]),
        ("publish.captions.templates=['a {postion}']", ["'postion'", "Did you mean 'position'?"]),
        ("publish.captions.templates=['a {scene.__class__}']", ["'scene.__class__'", "known: attribute, level"]),
        ("publish.captions.templates=['a {scene!r}']", ["a name in braces and nothing else"]),
        ("publish.captions.templates=['a {scene']", ["'a {scene'", "{{ or }}"]),
        ("publish.captions.plain_templates=['{position}']", ["'position'", "known: attribute, level, scene, subject"]),
        ("publish.captions.undo_templates=[dark]", ["undo_templates", "each of edit_templates: 1 for 3"]),
        ("curation.balance_by=index", ["curation.balance_by", "'score'", "got 'index'"]),
        ("curation={min_coverage: 0.5, max_coverage: 0.4}", ["min_coverage (0.5)", "max_coverage (0.4)"]),
    ],
)
def test_every_refusal_names_the_field_the_value_and_what_was_expected(override: str, words: list[str]) -> None:
    message = refusal(override)
    assert [word for word in words if word not in message] == []


def test_every_problem_is_named_at_once() -> None:
    lines = refusal("seed=-1", "regions.eps=0", "label.cuont=5").splitlines()
    assert sorted(line.split(":")[0] for line in lines) == ["config", "regions.eps", "seed"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("label.count=500", "boundary.tails=10"), ["mask.count (1024)", "label.count (500)"]),
        (("label.count=3000",), ["label.count (3000)", "boundary.tails (2000)"]),
        (
            ("publish.validation_fraction=0.5", "publish.test_fraction=0.6"),
            ["validation_fraction (0.5)", "test_fraction (0.6)"],
        ),
    ],
)
def test_contradictions_name_both_fields_and_values(overrides: tuple[str, ...], words: list[str]) -> None:
    message = refusal(*overrides)
    assert all(word in message for word in words)


def test_a_ready_boundary_needs_no_tails() -> None:
    assert load_config(overrides=["boundary.weights=b.npy", "label.count=2000"]).label.count == 2000


@pytest.mark.parametrize("text", ["seed", "=3", " =3", "seed=[1"])
def test_a_malformed_override_is_quoted(text: str) -> None:
    assert repr(text) in refusal(text) or repr(text.partition("=")[2]) in refusal(text)


def test_an_unknown_profile_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"profile.*'sead'.*Did you mean 'seed'"):
        load_config(profile="sead")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"- 1\n", "expected a mapping of sections, got list"),
        (b"a: [", "not valid YAML"),
        (b"text: \xff\n", "not UTF-8"),
        (b"!!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_a_bad_file_is_named(content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=match) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        load_config(tmp_path / "none.yaml")


def leaves(model: BaseModel, prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        # A second scorer comes as a whole: to name one is to say nothing about the fields of another.
        section = isinstance(value, BaseModel) and name != "second_scorer"
        found += leaves(value, f"{prefix}{name}.") if section else [(f"{prefix}{name}", value)]
    return found


OTHER: dict[str, Any] = {
    "generator.truncation_psi": 0.5,
    "generator.truncation_layers": 3,
    "attributes": {"warmth": {"scorer": {"name": "warmth"}}},
    "scorer.target": "bedroom",
    "scorer.against": "dark",
    "scorer.arch": "resnet50",
    "scorer.matrix": "w.npy",
    "scorer.output": "probability",
    "scorer.formula": "v2",
    "scorer.factory": "mine:Lamps",
    "scorer.arguments": {"gain": 2.0},
    "scorer.scale": "quartiles",
    "boundary.C": 2.0,
    "boundary.weights": "b.npy",
    "attribution.weights": "student.safetensors",
    "edit.layers": "3",
    "attribution.layers": "3",
    "edit.targets": [0.5, 2.5],
    "boundary.conditions": ["view.npy"],
    "boundary.layers": "measured",
    "attribution.layer_weights": "relevance",
    "attribution.scale": "run",
    "attribution.sign": "negative",
    "regions.target": "emitter",
    "regions.rank_by": "mean",
    "regions.style": "hull",
    "mask.second_scorer": None,
    "curation.max_regions": 2,
    "curation.min_score_change": 0.5,
    "curation.min_retention": 0.5,
    "curation.min_necessity": 0.5,
    "curation.min_coverage": 0.5,
    "curation.max_coverage": 0.5,
    "curation.labeller": "runs/labeller",
    "curation.min_probability": 0.5,
    "curation.max_probability": 0.5,
    "curation.balance": 2.0,
    "curation.balance_by": "score",
    "generator.precision": "bfloat16",
    "store.endpoint_url": "http://127.0.0.1:9000",
    "store.addressing": "path",
    "runtime.workers": 2,
    "runtime.gpus_per_worker": 0.5,
    "runtime.max_in_flight": 3,
    "runtime.address": "auto",
    "runtime.hang_timeout_s": 9.0,
    "runtime.lease_wait_s": 9.0,
}


def other(name: str, value: Any) -> Any:
    """A valid value for the field that is not the default."""
    if name in OTHER:
        return OTHER[name]
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, tuple):
        return [value[0] + "x", *value[1:]]
    return value / 2 if isinstance(value, float) else value + 1


ON_PICTURES = ("source.", "invert.", "student.", "light.", "upscale.")
"""Sections that say nothing to a run on latents, or to one that puts no light and enlarges nothing."""
OF_REFINED = ("mask.refine", "mask.pilot", "mask.pilot_steps")
"""Fields that say nothing to a run that is not refined."""
OF_CHOOSING = ("attribution.candidates", "attribution.pilot")
"""Fields that say nothing to a run that names its attribution."""
PICTURES = {"source": {"kind": "pictures", "pictures": "photos"}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        leaf
        for leaf in leaves(RunConfig())
        if leaf[0] not in ("boundary.space", *OF_REFINED, *OF_CHOOSING) and not leaf[0].startswith(ON_PICTURES)
    ],
)
def test_the_hash_ignores_output_curation_store_and_runtime_and_nothing_else(name: str, value: Any) -> None:
    nested: Any = other(name, value)
    for part in reversed(name.split(".")):
        nested = {part: nested}
    changed, default = parse_config(nested), RunConfig()
    assert changed != default
    ignored = name == "output" or name.startswith(("curation.", "store.", "runtime."))
    assert (config_hash(changed) == config_hash(default)) == ignored
    expected = [] if ignored else [name]
    differing = [line.split(":")[0] for line in differing_fields(identity(changed), identity(default))]
    if name == "generator.weights":  # words follow from it
        differing = [field for field in differing if not field.startswith("publish.captions.")]
    assert differing == expected


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("invert", "steps", 7),
        ("invert", "poor", "mask"),
        ("invert", "losses", {"pixel": 1.0}),
        ("student", "weights", "mine.safetensors"),
        ("source", "fit", "pad"),
        ("source", "limit", 5),
        ("source", "background", [0, 0, 0]),
        ("source", "column", "original"),
    ],
)
def test_what_pictures_need_is_part_of_a_run_on_pictures_and_of_no_other(section: str, field: str, value: Any) -> None:
    before = parse_config(PICTURES)
    changed = parse_config({**PICTURES, section: {**PICTURES.get(section, {}), field: value}})
    assert config_hash(changed) != config_hash(before)
    if section != "source":
        assert config_hash(parse_config({section: {field: value}})) == config_hash(RunConfig())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("gains", [0.5]), ("kelvins", [2700.0]), ("lamps", 2), ("lamp", "lamp.png"), ("places", "runs/places")),
        *(("composer", "diffusion"), ("settings", {"glow": 0.5}), ("response", "film")),
    ],
)
def test_light_is_part_of_what_puts_it_and_of_nothing_else(field: str, value: Any) -> None:
    lit = {**PICTURES, "light": {"gains": [1.0]}}
    assert config_hash(parse_config(lit)) != config_hash(parse_config(PICTURES))
    assert config_hash(parse_config({**lit, "light": {"gains": [1.0], field: value}})) != config_hash(parse_config(lit))
    if field != "gains":
        assert config_hash(parse_config({"light": {field: value}})) == config_hash(RunConfig())


@pytest.mark.parametrize(
    ("light", "words"),
    [
        ({"gains": [2.5]}, "light.gains.*0 .off. to 2"),
        ({"gains": [1], "kelvins": [900]}, "light.kelvins.*1800"),
        ({"gains": [1], "lamps": 0}, "light.lamps"),
        ({"gains": [1], "composer": "cutuot"}, "light.composer"),
    ],
)
def test_light_that_makes_no_sense_is_refused(light: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_config({"light": light})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "pictures"}, "pictures must name a folder"),
        ({"pictures": "photos"}, "kind is 'latents'"),
        ({**PICTURES["source"], "background": [0, 0, 256]}, "three levels of 0 to 255"),
        ({**PICTURES["source"], "fit": "squash"}, "fit"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_config({"source": values})


def test_candidates_are_part_of_a_run_that_chooses_and_of_no_other() -> None:
    auto = parse_config({"attribution": {"name": "auto"}})
    assert not {"candidates", "pilot"} & set(identity(RunConfig())["attribution"])
    for changes in ({"pilot": 64}, {"candidates": ["grad_cam", "light_change"]}):
        assert config_hash(parse_config({"attribution": changes})) == config_hash(RunConfig())
        assert config_hash(parse_config({"attribution": {"name": "auto", **changes}})) != config_hash(auto)
    assert parse_config(identity(auto)) == auto


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"candidates": ["light_change"]}, "two methods or more"),
        ({"candidates": ["light_change", "light_change"]}, "each once"),
        ({"candidates": ["light_change", "auto"]}, "two methods or more"),
        ({"layer_weights": "relevance"}, "measured for one method"),
        ({"scale": "run"}, "measured for one method"),
        ({"pilot": 7}, "pilot"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_config({"attribution": {"name": "auto", **changes}})


def test_a_pilot_is_part_of_a_refined_run_and_of_no_other() -> None:
    assert not {"refine", "pilot", "pilot_steps"} & set(identity(RunConfig())["mask"])
    refined = parse_config({"mask": {"refine": "student"}})
    for changes in ({"pilot": 512}, {"pilot_steps": 7}):
        assert config_hash(parse_config({"mask": changes})) == config_hash(RunConfig())
        assert config_hash(parse_config({"mask": {"refine": "student", **changes}})) != config_hash(refined)
    assert config_hash(refined.unrefined) == config_hash(RunConfig())
    assert parse_config(identity(refined)) == refined


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["source.kind=pictures", "source.pictures=photos"], "latents"),
        (["mask.pilot=60000"], r"mask\.pilot \(60000\) must be <= label\.count"),
        (["mask.pilot=128"], "must be > 2 x mask.shard_size"),
        (["mask.refine=teacher"], "refine"),
    ],
)
def test_a_pilot_that_cannot_be_is_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(overrides=["mask.refine=student", *overrides])


def test_what_a_scorer_has_no_use_for_is_no_part_of_a_run() -> None:
    """So that runs from before these fields go on."""
    assert identity(RunConfig())["scorer"] == {"name": "lighting", "weights": "rooms"}


def test_a_run_without_a_second_scorer_is_another_run_and_the_difference_is_named() -> None:
    """As all runs were before one was embedded: they are refused, or go on with `mask.second_scorer=null`."""
    before, now = load_config(overrides=["mask.second_scorer=null"]), RunConfig()
    assert differing_fields(identity(before), identity(now)) == [
        "mask.second_scorer: None there, {'name': 'lighting', 'weights': 'rooms_second'} asked for"
    ]
    assert parse_config(identity(before)).judge is None


def test_the_number_of_a_class_may_be_written_as_a_number() -> None:
    assert load_config(overrides=["scorer.target=846"]).scorer.target == "846"


def test_the_hash_does_not_depend_on_how_a_value_was_written() -> None:
    written = [load_config(overrides=[f"edit.distance={text}"]) for text in ("2", "2.0", "'2'", "20e-1")]
    assert len({config_hash(config) for config in written}) == 1


def test_differing_fields_show_both_values_and_missing_sections() -> None:
    left, right = {"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"x": 1, "y": 5}, "c": {"z": 1}}
    assert differing_fields(left, right) == [
        "a.y: 2 there, 5 asked for",
        "b: 3 there, None asked for",
        "c: None there, {'z': 1} asked for",
    ]
    assert differing_fields(left, left) == []


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("auto", (1, 2)),
        ("all", (0, 1, 2, 3, 4)),
        ("3", (3,)),
        ("1-3", (1, 2, 3)),
        ("0-1, 4", (0, 1, 4)),
        ("2,1-3", (1, 2, 3)),
    ],
)
def test_layers_as_text(text: str, layers: tuple[int, ...]) -> None:
    assert parse_layers(text, 5, (1, 2, 7)) == layers


@pytest.mark.parametrize(
    "text", ["", "5", "0-5", "3-1", "-1", "1-", "1--2", "a", "1;2", "²", "0-99999999999", "0-" + "9" * 5000]
)
def test_other_layers_are_refused_at_once(text: str) -> None:
    with pytest.raises(ConfigError, match=r"edit\.layers"):
        parse_layers(text, 5, (1, 2), "edit.layers")


def test_a_single_layer_may_be_a_number() -> None:
    assert load_config(overrides=["edit.layers=6"]).edit.layers == "6"


@given(st.sets(st.integers(0, 17), min_size=1))
def test_any_set_of_layers_can_be_written(layers: set[int]) -> None:
    assert parse_layers(",".join(map(str, layers)), 18, ()) == tuple(sorted(layers))


@given(st.text(max_size=12))
def test_any_text_is_layers_or_a_config_error(text: str) -> None:
    try:
        layers = parse_layers(text, 14, (6, 7))
    except ConfigError:
        return
    assert all(0 <= layer < 14 for layer in layers)


def undocumented(model: type[BaseModel]) -> list[str]:
    """Names of the fields without a docstring, those of sections included; a section documents itself."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += undocumented(field.annotation)
        elif not field.description:
            found.append(f"{model.__name__}.{name}")
    return found


def test_every_field_is_documented() -> None:
    assert undocumented(RunConfig) == []


def test_how_pictures_are_enlarged_enters_the_hash_where_any_are() -> None:
    usual, tiled = (parse_config({**PICTURES, "upscale": {"tile": tile}}) for tile in (256, 64))
    assert config_hash(usual) == config_hash(tiled) == config_hash(parse_config(PICTURES))
    larger = [
        parse_config({**PICTURES, "upscale": {"weights": name, "tile": tile, "shard_size": size}})
        for name, tile, size in (("a", 256, 4), ("a", 64, 4), ("b", 256, 4), ("a", 256, 5))
    ]
    assert len({config_hash(config) for config in [usual, *larger]}) == 5


def test_another_attribution_leaves_every_other_setting_as_it_is() -> None:
    config = load_config(None, ["attribution.name=auto", "attribution.pilot=8", "seed=3"])
    named = config.with_attribution("light_steps")
    assert named == load_config(None, ["attribution.name=light_steps", "attribution.pilot=8", "seed=3"])
    assert config.attribution.name == "auto"
