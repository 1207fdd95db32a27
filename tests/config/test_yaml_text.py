"""YAML keeps what was written, and refuses what is said twice or is no configuration at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from higan_cam.config import config_hash, load_config
from higan_cam.config.attributes import members
from higan_cam.config.yaml_text import MOST_VALUES, read_yaml
from higan_cam.errors import ConfigError
from tests.support.commands import Command

WORDS = ("yes", "no", "on", "off", "true", "False", "NO")


def file_of(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "field",
    [
        "generator.truncation_psi",
        "generator.truncation_layers",
        "curation.duplicate_distance",
        "curation.min_retention",
        "curation.min_regions",
        "curation.max_regions",
        "curation.max_coverage",
        "curation.balance",
        "mask.second_scorer",
    ],
)
def test_a_boolean_is_no_number_and_null_switches_off(field: str, word: str, tmp_path: Path) -> None:
    section, name = field.split(".")
    message = rf"{field}: must be a .*null switches it off, got '{word}'"
    with pytest.raises(ConfigError, match=message):
        load_config(file_of(tmp_path, f"{section}:\n  {name}: {word}\n"))
    with pytest.raises(ConfigError, match=message):
        load_config(overrides=[f"{field}={word}"])
    assert getattr(getattr(load_config(overrides=[f"{field}=null"]), section), name) is None


@pytest.mark.parametrize(
    "field", ["seed", "runtime.workers", "runtime.gpus_per_worker", "boundary.C", "label.count", "edit.distance"]
)
def test_a_boolean_is_no_number_where_null_is_none_either(field: str) -> None:
    for word in WORDS:
        with pytest.raises(ConfigError, match=rf"{field}: must be a number, which a boolean .* never is.*got '{word}'"):
            load_config(overrides=[f"{field}={word}"])


def test_a_boolean_within_a_list_of_numbers_and_of_one_attribute_is_none_either() -> None:
    with pytest.raises(ConfigError, match=r"edit\.targets: .*boolean.*null switches it off"):
        load_config(overrides=["edit.targets=[off, 2]"])
    with pytest.raises(ConfigError, match=r"attributes\.warmth\.edit\.distance: .*boolean"):
        members(load_config(overrides=["attributes.warmth.edit.distance=on"]))


@pytest.mark.parametrize("text", ["010", "-007", "00", "1:30", "190:20:30", "1:30.5", "'010'", "08"])
@pytest.mark.parametrize("field", ["seed", "edit.distance", "curation.max_coverage", "runtime.workers"])
def test_numbers_that_yaml_counts_to_another_base_are_refused(field: str, text: str) -> None:
    with pytest.raises(ConfigError, match=rf"{field}: must be a decimal number"):
        load_config(overrides=[f"{field}={text}"])


@pytest.mark.parametrize(("text", "value"), [("0x10", 16), ("1_000", 1000), ("+5", 5), ("0", 0), ("'7'", 7)])
def test_other_numbers_are_read_as_before(text: str, value: int) -> None:
    assert load_config(overrides=[f"seed={text}"]).seed == value


@pytest.mark.parametrize("text", ["no", "on", "007", "2026-11-29", "1:30", "1.0", "1e3", "2026-13-45", "=", "<<"])
def test_text_is_what_was_written(text: str, tmp_path: Path) -> None:
    lines = f"output: {text}\nscorer: {{target: {text}}}\nboundary: {{conditions: [{text}]}}\n"
    config = load_config(file_of(tmp_path, lines))
    assert (config.output, config.scorer.target, config.boundary.conditions) == (text, text, (text,))
    in_one = load_config(overrides=[f"attributes.warmth.publish.captions.levels=[{text}, '{text}']"])
    assert members(in_one)["warmth"].publish.captions.levels == (text, text)


def test_arguments_of_a_scorer_have_the_types_that_yaml_gives_them() -> None:
    given = "scorer.arguments={flag: no, count: 3, gain: 1.5, day: 2026-11-29, word: 'no', none: null, size: 010}"
    expected = {"flag": False, "count": 3, "gain": 1.5, "day": "2026-11-29", "word": "no", "none": None, "size": "010"}
    assert load_config(overrides=[given]).scorer.arguments == expected


@pytest.mark.parametrize(
    ("text", "key", "first", "second"),
    [
        ("label: {count: 4000}\nboundary: {tails: 400}\nlabel: {shard_size: 500}\n", "label", 1, 3),
        ("mask:\n  count: 64\n  shard_size: 16\n  count: 8\n", "count", 2, 4),
        ("attributes:\n  warmth: {}\n  daylight: {}\n  warmth: {}\n", "warmth", 2, 4),
        ("attributes:\n  warmth:\n    edit: {distance: 1}\n    edit: {tolerance: 1}\n", "edit", 3, 4),
        ("attributes:\n  warmth:\n    scorer:\n      name: warmth\n      'name': clip\n", "name", 4, 5),
        ('seed: 1\n"seed": 2\n', "seed", 1, 2),
    ],
)
def test_what_is_said_twice_is_an_error_with_both_lines(
    text: str, key: str, first: int, second: int, tmp_path: Path
) -> None:
    path = file_of(tmp_path, text)
    with pytest.raises(ConfigError, match=rf"'{key}' is there twice, on line {first} and on line {second};") as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_what_an_anchor_brings_may_be_said_over() -> None:
    text = "a: &a {edit: {distance: 1}, scorer: {name: warmth}}\nb:\n  <<: *a\n  edit: {distance: 2}\n"
    assert read_yaml(text, "text")["b"] == {"edit": {"distance": "2"}, "scorer": {"name": "warmth"}}


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a {b: *a}",
        "[" * 3000,
        "- " * 3000,
        "a: !!binary aaaa",
        "a: !!timestamp 2026-11-29",
        "a: !!set {b}",
        "? [a]\n: 1",
        "? {a: 1}\n: 1",
        "a: *b",
        "a: 1\n---\nb: 2",
        "a: \x00",
        "\ud800: 1",
    ],
)
def test_what_is_no_configuration_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^text: "):
        read_yaml(text, "text")


def test_a_small_file_cannot_stand_for_billions() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ConfigError, match=f"more than {MOST_VALUES:,} values"):
        read_yaml("\n".join(lines), "text")


def test_the_examples_are_what_they_were() -> None:
    """What YAML 1.1 made of them, and so the runs that are there already."""
    folder = Path(__file__).resolve().parents[2] / "data/configs"
    hashes = {path.stem: config_hash(load_config(path))[:12] for path in folder.glob("*.yaml")}
    recorded = {"attributes": "0d16e97edc33", "bedroom256": "40b4afadec80", "quick": "63d16ed13ef7"}
    assert {name: hashes[name] for name in recorded} == recorded  # faces is younger than the reader
    for path in folder.glob("*.yaml"):
        before = yaml.safe_load(path.read_text())
        assert load_config(path).attributes == before.get("attributes", {})


def test_a_byte_order_mark_is_read_over_and_utf_16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes("seed: 5\n".encode("utf-8-sig"))
    assert load_config(path).seed == 5
    path.write_bytes("seed: 5\n".encode("utf-16"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(path)


def test_the_command_line_says_so(higan_cam: Command, tmp_path: Path) -> None:
    status, _, err = higan_cam("config", "-c", str(file_of(tmp_path, "generator: {truncation_psi: no}\n")))
    assert status == 2
    assert "generator.truncation_psi" in err
    assert "null switches it off" in err
