"""Putting the report together: `ReportContent` and the card's facts from what a run left and what was drawn for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.card import CardFacts, render_card
from higan_cam.publish.chosen import Choice, choice_from
from higan_cam.publish.refined import RefinedView
from higan_cam.publish.report.content import EditStrip, ReportContent, SampleView
from higan_cam.publish.report.curves import ShareCurve, faithfulness_curves
from higan_cam.publish.report.figures import Figures, read_timings, reasons
from higan_cam.publish.report.gallery.samples import write_gallery
from higan_cam.publish.report.inpainter import find_inpainter
from higan_cam.publish.report.next_commands import next_commands
from higan_cam.publish.report.page import render_report
from higan_cam.publish.report.photos import Threshold, read_photos
from higan_cam.publish.report.statistics import (
    BoundarySummary,
    Distribution,
    QualityStatistics,
    RegionStatistics,
    ScoreResponse,
    ScoreSummary,
    unlabelled_of,
)
from higan_cam.publish.report.students.lights import read_relit
from higan_cam.store import Store, read_run
from higan_cam.store.keys import CARD_KEY, REPORT_KEY
from higan_cam.store.manifest import quarantine_lines
from higan_cam.store.run import FLOOR, STUDENT, recorded_choice, with_choice
from higan_cam.types import Boundary, FloatArray
from higan_cam.weights.embedded import EMBEDDED_GENERATORS


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What a report shows that the run's output does not hold.

    Attributes:
        scores: the labelled latents; None where the labels were not read.
        score_range: of the scorer; None for that of the strips.
        strip_distances: code units; strips: one per latent, with an image and a score at each of them.
        walls: {stage: (wall seconds, workers)} of the stages that one process did from beginning to end.
        thresholds: of the verdicts on pictures.
        refined: the masks of a refined run beside those of its pilot.
    """

    scores: ScoreSummary | None = None
    score_range: tuple[float, float] | None = None
    strip_distances: tuple[float, ...] = ()
    strips: tuple[EditStrip, ...] = ()
    walls: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()
    refined: RefinedView | None = None


def assemble(
    config: RunConfig,
    store: Store,
    boundary: Boundary | None,
    measured: Measured,
    read: tuple[Figures, list[SampleView]] | None,
) -> None:
    """Write the report of whatever is there, and the gallery and the card once there are samples.

    Everything is read before the page is written, so that what cannot be read leaves an older page as it was.

    Args:
        read: what `read_figures` gave for this run; None where it has no sample yet.

    Raises:
        StoreError: a shard or the figures of an inpainter cannot be read, or the store fails.
    """
    inpainter, timings = find_inpainter(store), read_timings(store, measured.walls)
    photos, relit = read_photos(config, store, measured.thresholds), read_relit(config, store)
    gallery = write_gallery(store)
    content = ReportContent(
        title=f"{config.attribute.replace('_', ' ')} masks",
        attribute=config.attribute,
        run=_run_summary(config, store),
        scores=measured.scores,
        score_range=measured.score_range,
        boundary=_boundary(boundary) if boundary is not None else None,
        response=_response(boundary),
        strip_distances=measured.strip_distances,
        strips=measured.strips,
        samples=tuple(read[1]) if read else (),
        samples_note=_samples_note(*read) if read else "",
        gallery_note=gallery.note if gallery else "",
        regions=_regions(read[0]) if read else None,
        quality=_quality(read[0]) if read else None,
        faithfulness=_faithfulness(read[0]) if read else {},
        chosen=_choice(store),
        refined=measured.refined,
        inpainter=inpainter,
        photos=photos,
        relit=relit,
        timings=timings,
        next_commands=next_commands(config),
        warnings=tuple(quarantine_lines(store)),
    )
    store.put(REPORT_KEY, render_report(content).encode())
    if read:
        store.put(CARD_KEY, render_card(_card(config, store, boundary, measured.refined, *read)).encode())


def _samples_note(figures: Figures, views: list[SampleView]) -> str:
    note = f"The first {len(views)} of the run by index; not chosen."
    if figures.shards_read < figures.shards:
        note += f" Figures are of {figures.shards_read} of {figures.shards} shards, evenly spread."
    return note


def _response(boundary: Boundary | None) -> ScoreResponse | None:
    """The response that was measured when the boundary was settled."""
    known = boundary.metrics.get("score_response") if boundary is not None else None
    if not known:
        return None
    distances, mean, low, high = (np.asarray(known[name], np.float64) for name in ("distances", "mean", "p10", "p90"))
    return ScoreResponse(distances, mean, low, high, int(known["samples"]))


def _run_summary(config: RunConfig, store: Store) -> dict[str, str | int | float]:
    run = read_run(store)
    weights = {f"{role} weights": f"sha256 {digest[:12]}" for role, digest in run["weights"].items()}
    student = {"student": f"sha256 {run[STUDENT][:12]}"} if STUDENT in run else {}
    versions = {name: run["versions"][name] for name in ("higan-cam", "torch", "ray") if name in run["versions"]}
    floor = {"rounding floor": f"changes of up to {run[FLOOR]} of 255 levels"} if FLOOR in run else {}
    return {
        "output": store.uri,
        "seed": config.seed,
        "latents labelled": config.label.count,
        "samples asked for": config.mask.count,
        "generator": config.generator.weights,
        "scorer": config.scorer.describe(),
        "attribution": _attribution(config, store),
        **floor,
        "config": config_hash(config)[:12],
        **weights,
        **student,
        **versions,
    }


def _attribution(config: RunConfig, store: Store) -> str:
    chosen = with_choice(config, store).attribution.name
    name = chosen if chosen == config.attribution.name else f"{chosen} (chosen by the run)"
    return name if config.mask.refine is None else f"a student of {config.mask.pilot:,} samples of {name}"


def _choice(store: Store) -> Choice | None:
    record = recorded_choice(store)
    return None if record is None else choice_from(record)


def _boundary(boundary: Boundary) -> BoundarySummary:
    metrics = dict(boundary.metrics)
    shown_elsewhere = ("method", "spearman_outside_tails", "validation_accuracy", "score_response", "C_tried")
    rest = {name: value for name, value in metrics.items() if name not in shown_elsewhere}
    return BoundarySummary(
        method=str(metrics.get("method", "given")),
        spearman=metrics.get("spearman_outside_tails"),
        tail_accuracy=metrics.get("validation_accuracy"),
        metrics={"offset": boundary.offset, **rest},
    )


def _regions(figures: Figures) -> RegionStatistics:
    most = int(figures.region_counts.max(initial=0))
    per_sample = tuple(int((figures.region_counts == count).sum()) for count in range(most + 1))
    return RegionStatistics(
        per_sample=per_sample,
        area=Distribution.of(figures.region_areas, limits=(0.0, max(0.05, float(figures.region_areas.max(initial=0))))),
        empty_reasons=reasons(figures),
        mean_mask=figures.mean_mask,
        mean_heat=figures.mean_heat,
    )


def _quality(figures: Figures) -> QualityStatistics:
    columns = figures.columns
    return QualityStatistics(
        score_change=Distribution.of(columns["score_positive"] - columns["score_negative"]),
        retention=Distribution.of(columns["retention"], limits=(0.0, 1.2)),
        necessity=Distribution.of(columns["necessity"], limits=(0.0, 1.2)),
        coverage=Distribution.of(columns["coverage"], limits=(0.0, max(0.1, float(columns["coverage"].max())))),
    )


def _faithfulness(figures: Figures) -> dict[str, tuple[ShareCurve, ...]]:
    """Curves over the samples with a region; a figure that no sample has is left out."""
    with_region = figures.columns["status"] == "ok"
    columns = {name: values[with_region] for name, values in figures.columns.items()}
    curves = {figure: faithfulness_curves(columns, figure) for figure in ("retention", "necessity")}
    return {figure: each for figure, each in curves.items() if each}


def _card(
    config: RunConfig,
    store: Store,
    boundary: Boundary | None,
    refined: RefinedView | None,
    figures: Figures,
    views: list[SampleView],
) -> CardFacts:
    columns = figures.columns
    ok = columns["status"] == "ok"
    quality = {
        "samples these figures are of": len(ok),
        "share with a mask": float(ok.mean()),
        **{
            f"median {name}": float(np.median(columns[name][ok]))
            for name in ("retention", "necessity", "coverage")
            if ok.any()
        },
        **_mean_change(columns["score_positive"] - columns["score_negative"]),
    }
    embedded = EMBEDDED_GENERATORS.get(config.generator.weights)
    return CardFacts(
        title=f"{config.attribute.replace('_', ' ')} masks by higan_cam",
        license=embedded.licence if embedded is not None else "other",
        rows=figures.rows,
        sizes=figures.sizes,
        resolution=views[0].original.shape[0],
        generator=config.generator.weights,
        scorer=config.scorer.describe(),
        run=read_run(store),
        boundary={k: v for k, v in (boundary.metrics if boundary else {}).items() if not isinstance(v, (dict, list))},
        quality=quality,
        chosen=_choice(store),
        refined=refined,
        notes=[*([embedded.note] if embedded is not None else ()), *_unlabelled(boundary)],
    )


def _mean_change(changes: FloatArray) -> dict[str, float]:
    """Of the samples with a score at both ends; empty where there is none, because nobody knows it then."""
    known = changes[np.isfinite(changes)]
    return {"mean score change": float(known.mean())} if len(known) else {}


def _unlabelled(boundary: Boundary | None) -> list[str]:
    found = unlabelled_of(boundary.metrics if boundary is not None else {})
    return [] if found is None else [f"Latents without a score are in no tail and no fit; {found.sentence()}."]
