"""What the report says, as plain frozen values: `assemble` fills `ReportContent`, `render_report` draws it.

Parts of the flow that have not run yet are None or empty, and their sections are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from higan_cam.publish.chosen import Choice
from higan_cam.publish.refined import RefinedView
from higan_cam.publish.report.curves import ShareCurve
from higan_cam.publish.report.inpainter import InpainterView
from higan_cam.publish.report.photos import PhotosContent
from higan_cam.publish.report.statistics import (
    BoundarySummary,
    QualityStatistics,
    RegionStatistics,
    ScoreResponse,
    ScoreSummary,
)
from higan_cam.publish.report.students.lights import RelitView
from higan_cam.types import ByteArray, FloatArray, Region, Status


@dataclass(frozen=True)
class EditStrip:
    """One latent at each of the report's strip distances: (H,W,3) uint8 RGB images and their scores, in that order."""

    index: int
    images: tuple[ByteArray, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class SampleView:
    """One sample to show. Images are (H,W,3) uint8 RGB, mask (H,W) uint8 0/255, heat (h,w) float in [0,1]."""

    id: str
    index: int
    original: ByteArray
    negative: ByteArray
    positive: ByteArray
    heat: FloatArray
    mask: ByteArray
    regions: tuple[Region, ...]
    score: float
    score_negative: float
    score_positive: float
    retention: float | None
    necessity: float | None
    coverage: float
    status: Status
    reason: str = ""


@dataclass(frozen=True)
class StageTiming:
    """Wall-clock seconds of one stage, the rows and units it made, and the workers it had."""

    stage: str
    seconds: float
    rows: int
    units: int
    workers: int

    @property
    def rows_per_second(self) -> float | None:
        """Rows per wall-clock second; None for a stage that took no measurable time."""
        return self.rows / self.seconds if self.seconds > 0 else None


@dataclass(frozen=True)
class NextCommand:
    """A command line to go on with, and what it does."""

    line: str
    purpose: str


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """One report.

    Attributes:
        title: headline; attribute: what the score measures.
        run: identity of the run, shown as key and value (seed, counts, weights digests, versions, …).
        score_range: the scorer's range, which scales the bars under the strips; None takes the strips' own range.
        strip_distances: code units, one per image of every strip.
        faithfulness: curves by figure (retention, necessity).
        samples_note: how `samples` were chosen, in words.
        gallery_note: which samples gallery.html beside the report holds, in words; "" where there is none.
        warnings: what the reader must know first, such as quarantined units.

    Raises:
        ValueError: if a strip has not one image and one score per distance.
    """

    title: str
    attribute: str
    run: Mapping[str, str | int | float]
    scores: ScoreSummary | None = None
    score_range: tuple[float, float] | None = None
    boundary: BoundarySummary | None = None
    response: ScoreResponse | None = None
    strip_distances: tuple[float, ...] = ()
    strips: tuple[EditStrip, ...] = ()
    samples: tuple[SampleView, ...] = ()
    samples_note: str = ""
    gallery_note: str = ""
    regions: RegionStatistics | None = None
    quality: QualityStatistics | None = None
    faithfulness: Mapping[str, tuple[ShareCurve, ...]] = field(default_factory=dict)
    timings: tuple[StageTiming, ...] = ()
    chosen: Choice | None = None
    refined: RefinedView | None = None
    inpainter: InpainterView | None = None
    photos: PhotosContent | None = None
    relit: tuple[RelitView, ...] = ()
    next_commands: tuple[NextCommand, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the strips against the distances."""
        for strip in self.strips:
            if not len(strip.images) == len(strip.scores) == len(self.strip_distances):
                raise ValueError(
                    f"strip of latent {strip.index}: {len(strip.images)} images and {len(strip.scores)} scores "
                    f"for {len(self.strip_distances)} distances"
                )
