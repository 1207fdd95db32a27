"""The README.md of an export: what is in it, how to load it, and the provenance that the run's own card tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from higan_cam.publish.card import card_environment, dataset_info, size_category

_PASSED_ON = ("annotations_creators", "language", "task_categories", "tags")
_PROVENANCE = "\n## How it was made\n"


@dataclass(frozen=True, kw_only=True)
class ExportFacts:
    """What the card of an export is written from.

    Attributes:
        name: of the format.
        samples: {split: samples}; sizes: {split: bytes}.
        empty: samples left out because they have no mask.
        unselected: samples with a mask that the selection leaves out; selection: its name, "" for none.
        expected: what held-out labels say of the selection's filters by probability.
        missing: shards of the run that were not there to export.
        contents: {column, file or field: meaning}.
        glob: pattern of a split's files, "" where the `datasets` library does not read the format.
        features: {column: type} for `dataset_info`; empty to leave it out.
        load: the line that loads it.
        run: contents of run.json.
        source_card: the run's own card, "" where there is none.
    """

    name: str
    samples: Mapping[str, int]
    sizes: Mapping[str, int]
    empty: int
    unselected: int
    selection: str
    missing: int
    contents: Mapping[str, str]
    glob: str
    features: Mapping[str, Any]
    load: str
    run: Mapping[str, Any]
    source_card: str
    expected: tuple[str, ...] = ()


def render_export_card(facts: ExportFacts) -> str:
    """The whole README.md. The same facts give the same text."""
    head, body = _split(facts.source_card)
    _, _, provenance = body.partition(_PROVENANCE)
    template = card_environment().get_template("export_card.md.j2")
    return template.render(
        facts=facts,
        total=sum(facts.samples.values()),
        front_matter=_front_matter(facts, head),
        provenance=provenance,
    )


def _front_matter(facts: ExportFacts, source: Mapping[str, Any]) -> str:
    """Licence and name are the run's; what has no card yet has no licence to pass on."""
    values: dict[str, Any] = {
        "pretty_name": f"{source.get('pretty_name', 'Masks by higan_cam')}, {facts.name}",
        "license": source.get("license", "other"),
        **{key: source[key] for key in _PASSED_ON if key in source},
        "size_categories": [size_category(sum(facts.samples.values()))],
    }
    if facts.glob:
        files = [{"split": split, "path": facts.glob.format(split=split)} for split in facts.samples]
        values["configs"] = [{"config_name": "default", "data_files": files}]
    if facts.features:
        splits = {split: (rows, facts.sizes[split]) for split, rows in facts.samples.items()}
        # Counts only where they are final: a loader refuses a dataset that has grown since.
        values["dataset_info"] = dataset_info(facts.features, {} if facts.missing else splits)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _split(card: str) -> tuple[Mapping[str, Any], str]:
    """Front matter and body of a dataset card; ({}, text) where it has none that can be read."""
    parts = card.split("---\n", 2)
    if len(parts) < 3 or parts[0]:
        return {}, card
    try:
        head = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return {}, card
    return (head if isinstance(head, dict) else {}), parts[2]
