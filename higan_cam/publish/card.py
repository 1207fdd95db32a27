"""The dataset card: README.md with the YAML front matter that makes `datasets.load_dataset(output)` work."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2
import yaml

from higan_cam.publish.chosen import Choice
from higan_cam.publish.dataset import IMAGE_COLUMNS, PHOTO_IMAGES, columns_of
from higan_cam.publish.refined import RefinedView
from higan_cam.store.keys import SPLITS, STUDENT_KEY, split_glob
from higan_cam.types import Interval

_EVERY = columns_of(photos=True, lit=True)
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TASKS = ["image-to-image", "image-segmentation", "text-to-image"]


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card is written from; plain data.

    Attributes:
        title: name of the dataset.
        license: of the images, by SPDX id in lower case as the Hub spells it; follows from the generator's weights.
        rows: {split: samples}.
        resolution: side of the images, pixels.
        generator, scorer: one line each: architecture, weights, origin.
        run: contents of run.json (config, config_hash, versions, weights, seed, and where it was measured the floor).
        boundary: fit metrics by name, JSON-compatible.
        quality: figures over the run's samples by name, JSON-compatible.
        chosen: of a run that chose its attribution, what it was chosen by.
        refined: of a refined run, its masks beside those of its pilot.
        notes: further limits, one sentence each.
        sizes: {split: bytes of its shards}; without them the card states no counts for loaders to check.
    """

    title: str
    license: str
    rows: Mapping[str, int]
    resolution: int
    generator: str
    scorer: str
    run: Mapping[str, Any]
    boundary: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    chosen: Choice | None = None
    refined: RefinedView | None = None
    notes: Sequence[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


def render_card(facts: CardFacts) -> str:
    """The whole README.md. The same facts give the same text."""
    template, config = card_environment().get_template("card.md.j2"), facts.run["config"]
    return template.render(
        facts=facts,
        config=config,
        heat=facts.chosen.name if facts.chosen is not None else config["attribution"]["name"],
        front_matter=_front_matter(facts),
        splits={split: facts.rows[split] for split in _present(facts.rows)},
        total=sum(facts.rows.values()),
        columns=[(name, _type_name(name), meaning) for name, (_, meaning) in _columns(facts).items()],
        student_key=STUDENT_KEY,
        effective=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
    )


def card_environment() -> jinja2.Environment:
    """Templates of cards, with the filter `cell`."""
    # Markdown, not HTML: cells are escaped by `cell`, everything else is fenced.
    environment = jinja2.Environment(  # noqa: S701
        loader=jinja2.PackageLoader("higan_cam.publish", "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    environment.filters["interval"] = _interval
    return environment


def dataset_info(kinds: Mapping[str, Any], splits: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """`dataset_info` of a card's front matter.

    Args:
        kinds: {name: type}: a name, a list of one type, or a struct of named types.
        splits: {split: (samples, bytes)} where they are final, else empty: `datasets` refuses to load other numbers of
            samples than these.
    """
    info: dict[str, Any] = {"features": _fields(kinds)}
    if splits:
        info["splits"] = [
            {"name": split, "num_bytes": size, "num_examples": rows} for split, (rows, size) in splits.items()
        ]
    return info


def column_kind(name: str) -> Any:
    """The type of a dataset column, as `dataset_info` takes it; a struct in `COLUMNS` stands for a list of them."""
    kind = _EVERY[name][0]
    return [kind] if isinstance(kind, dict) else kind


def size_category(rows: int) -> str:
    """The Hub's size category of a number of rows."""
    return next((name for limit, name in _SIZES if rows < limit), "n>1M")


def _front_matter(facts: CardFacts) -> str:
    files = [{"split": split, "path": split_glob(split)} for split in _present(facts.rows)]
    finished = facts.sizes and sum(facts.rows.values()) == facts.run["config"]["mask"].get("count")
    final = {split: (facts.rows[split], facts.sizes[split]) for split in _present(facts.rows)} if finished else {}
    values = {
        "pretty_name": " ".join(facts.title.split()),
        "license": facts.license,
        "task_categories": _TASKS,
        "tags": ["synthetic", "gan", "masks", "controlnet", "inpainting", "instruction-editing"],
        "size_categories": [size_category(sum(facts.rows.values()))],
        "annotations_creators": ["machine-generated"],
        "language": ["en"],
        "configs": [{"config_name": "default", "data_files": files}],
        "dataset_info": dataset_info({name: column_kind(name) for name in _columns(facts)}, final),
    }
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _columns(facts: CardFacts) -> dict[str, tuple[Any, str]]:
    config = facts.run["config"]
    return columns_of(
        photos=config.get("source", {}).get("kind") == "pictures", lit=bool(config.get("light", {}).get("gains"))
    )


def _present(rows: Mapping[str, int]) -> list[str]:
    """Splits that have samples; a pattern without files would make loading fail."""
    return [split for split in SPLITS if rows.get(split, 0) > 0]


def _feature(name: str, kind: Any) -> dict[str, Any]:
    """A type in the YAML of `datasets`."""
    if isinstance(kind, list):
        inner = kind[0]
        return {"name": name, "list": _fields(inner) if isinstance(inner, dict) else inner}
    if isinstance(kind, dict):
        return {"name": name, "struct": _fields(kind)}
    return {"name": name, "dtype": kind}


def _fields(kinds: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_feature(name, kind) for name, kind in kinds.items()]


def _type_name(column: str) -> str:
    kind = _EVERY[column][0]
    if column in (*IMAGE_COLUMNS, *PHOTO_IMAGES):
        return "image"
    return "list of structs" if isinstance(kind, dict) else str(kind)


def _interval(estimate: Interval) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _cell(value: Any) -> str:
    """A value as one table cell: floats to four digits, nothing that would break the row."""
    if isinstance(value, float):
        text = f"{value:.4g}"
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split()).replace("|", "\\|")
