"""The nouns of the flow (latents, images, scores, boundary, edits, heat maps, regions, samples) as typed values.

Stages exchange these and nothing else, which is what keeps them independent of each other. Nothing here imports ray.
Shapes: N batch, D code dimension, L layers of the generator, C channels, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # the command line reads this module before it needs torch
    from torch import Tensor

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

Space = Literal["z", "w", "w_plus"]
MaskStyle = Literal["cluster", "ellipse", "hull"]
RankBy = Literal["importance", "mean"]
Precision = Literal["float32", "tf32", "bfloat16"]  # tf32: set by a GPU process (`pipeline.devices`)
Sign = Literal["positive", "negative", "both"]
Target = Literal["extent", "emitter"]
Status = Literal["ok", "empty"]
PictureStatus = Literal["ok", "poor", "unreadable"]


@dataclass(frozen=True)
class SynthesisState:
    """Where a partial synthesis stopped: everything that layers `layer`, `layer + 1`, … need to go on.

    Attributes:
        layer: index of the next convolution layer to run (0 means nothing has run).
        features: (N,C,h,w) output of layer `layer - 1`, or None at the start.
        rgb: (N,3,h,w) image accumulated so far by skip connections, or None where the architecture has none.
    """

    layer: int
    features: Tensor | None = None
    rgb: Tensor | None = None


@runtime_checkable
class Generator(Protocol):
    """A style-based generator. Differentiable, in eval mode, without global hooks or hidden state."""

    z_dim: int
    w_dim: int
    num_layers: int
    """Rows of w+ (14 for 256 px)."""
    resolution: int
    """Side of the square image, pixels."""
    layer_resolutions: tuple[int, ...]
    """Side of each convolution layer's output, pixels; its length is the number of layers that can be tapped."""
    edit_strength: tuple[float, ...]
    """Per w+ row, psi on truncated rows and 1 elsewhere: how far a unit edit in w moves that row (HiGAN)."""

    def map(self, z: Tensor) -> Tensor:
        """(N,z_dim) latents -> (N,w_dim) intermediate codes w, before truncation."""
        ...

    def truncate(self, w: Tensor) -> Tensor:
        """(N,w_dim) -> (N,L,w_dim): w repeated per layer, pulled towards the mean code on truncated layers."""
        ...

    def synthesize(
        self, w_plus: Tensor, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """(N,L,w_dim) -> image (N,3,H,W), nominally in [-1,1], not clamped; and {layer: (N,C,h,w)} for each tap.

        `start` goes on from a saved state; its batch may be 1 or N. A tap below `start.layer` is a ValueError.
        """
        ...

    def advance(
        self, w_plus: Tensor, stop: int, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[SynthesisState, dict[int, Tensor]]:
        """Run layers [start.layer, stop) only. Returns the state to go on from, and the tapped features."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """Image -> attribute score; differentiable; owns its preprocessing."""

    attribute: str
    score_range: tuple[float, float]
    """Least and greatest score; infinite ends for a scale without bounds."""

    def score(self, image: Tensor) -> Tensor:
        """(N,3,H,W) image in [-1,1] of any size -> (N,) scores."""
        ...


class Attribution(Protocol):
    """Where the change between two edited codes happens."""

    def __call__(self, generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,L,w_dim) codes of both ends -> (N,H,W) heat in [0,1] at the attribution's map size. Never NaN."""
        ...


@dataclass(frozen=True)
class Boundary:
    """A hyperplane {x : normal . x + offset = 0} in a latent space; the positive side has more of the attribute.

    Attributes:
        normal: (D,) float32, unit length.
        offset: intercept divided by the same norm, so that normal . x + offset is a distance in code units.
        space: which codes it separates.
        layers: w+ rows an edit along it moves.
        attribute: what it separates.
        metrics: how it was fitted and how well (JSON-compatible).
    """

    normal: FloatArray
    offset: float
    space: Space
    layers: tuple[int, ...]
    attribute: str
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def distance(self, codes: FloatArray) -> FloatArray:
        """(N,D) codes -> (N,) signed distances, code units."""
        distances: FloatArray = codes @ self.normal + self.offset
        return distances


@dataclass(frozen=True)
class Edit:
    """A move of w+ by `distance` x `strength[row]` x boundary normal on the rows in `layers`.

    Attributes:
        distance: signed, code units.
        layers: w+ rows that move.
        strength: one factor per w+ row of the generator.
    """

    distance: float
    layers: tuple[int, ...]
    strength: tuple[float, ...]


@dataclass(frozen=True)
class Ellipse:
    """Axis lengths in pixels (full length, 6 standard deviations) and the major axis' angle.

    The angle is in degrees in [0, 180), counted from the x axis towards increasing y (image coordinates).
    """

    major: float
    minor: float
    angle: float


@dataclass(frozen=True)
class Region:
    """One cluster of a heat map; coordinates are (y, x) pixels of the image that the sample publishes.

    Attributes:
        rank: 0 is the most important.
        area: pixels of the region's mask.
        mean_heat, max_heat: of the cluster's pixels, [0,1].
        importance: mean heat x number of cluster pixels, on the heat map's own grid.
        points: cluster pixels on the heat map's own grid.
        centroid: mean (y, x) of the cluster.
        peak: (y, x) of the hottest pixel; the first in row-major order on ties.
        bbox: (x, y, width, height), COCO order.
        rle: COCO run-length encoding of the mask: {"size": [H, W], "counts": str}.
    """

    rank: int
    area: int
    mean_heat: float
    max_heat: float
    importance: float
    points: int
    centroid: tuple[float, float]
    peak: tuple[float, float]
    ellipse: Ellipse
    bbox: tuple[int, int, int, int]
    rle: Mapping[str, Any]


@dataclass(frozen=True)
class RegionResult:
    """What clustering made of one heat map.

    Attributes:
        regions: by rank; empty where `status` is "empty".
        mask: (H,W) uint8, 0 or 255, union of the regions, at the size of the published image.
        status: "ok" or "empty".
        reason: why it is empty; when "ok", what was passed over as too small to show ("" for nothing).
    """

    regions: tuple[Region, ...]
    mask: ByteArray
    status: Status
    reason: str = ""


@dataclass(frozen=True)
class Captions:
    """The words of one sample; none of them is empty.

    Attributes:
        text: one of `captions`.
        prompt: what the positive edit shows, without saying where.
        prompt_before: what the negative edit shows, likewise.
        edit_prompt: instruction that leads from the negative to the positive edit.
        undo_prompt: the way back.
        captions: everything there is to say about the positive edit.
    """

    text: str
    prompt: str
    prompt_before: str
    edit_prompt: str
    undo_prompt: str
    captions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PictureCode:
    """What inversion made of one picture of the run's listing: a row of `codes/`.

    Attributes:
        index: its number in the listing.
        key, bytes, etag, offset: its name, size, the identity of its content and where it begins, there.
        status: ok; poor (the generator cannot draw it, `reason` says by which figure); unreadable (no code).
        notes: what reading it did that the user may not expect ("first of 12 frames").
        size: (height, width) of the picture, pixels; (0, 0) where it cannot be read.
        place: (scale, dx, dy): pixel centres (x, y) of the generator's square lie at (scale x + dx, scale y + dy) in
            the picture, the camera that inversion found included.
        camera: how the picture was taken, as inversion found it (`invert.align`); zeros where it did not ask.
        w_plus: (L,w_dim) float32; zeros where it cannot be read.
        figures: how good the code is, by name (`publish.codes.FIGURES`).
    """

    index: int
    key: str
    bytes: int
    etag: str
    offset: int
    status: PictureStatus
    reason: str
    notes: tuple[str, ...]
    size: tuple[int, int]
    place: tuple[float, float, float]
    camera: tuple[float, ...]
    w_plus: FloatArray
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Place:
    """Where a region lies in a picture, as shares (0..1) of its width and height: x and y of the region's centroid,
    and left, top, width, height of its box; by rank, 0 first."""

    rank: int
    x: float
    y: float
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class Photo:
    """What a sample of a run on pictures has besides. (H,W) is the picture's own size.

    Attributes:
        code: its row of `codes/`; of a picture that has gone since it was inverted, `unreadable` with that reason.
        picture: (H,W,3) uint8 RGB, upright; None, as the next three are, of a picture that has gone.
        mask: (H,W) uint8, 0 or 255: the sample's mask, at the picture's size.
        positive, negative: (H,W,3) uint8: the change to each end pasted into the picture, in linear light, under the
            feathered mask; everywhere else the picture's own values.
        reconstruction: (R,R,3) uint8: what the generator draws from the code.
        score_reconstruction: the scorer's value of that.
        places, regions: the regions in the picture, as shares of its sides and in its pixels.
        student_overlap: intersection over union of the mask and what a student would mask; NaN without a student of
            the attribute, or without a mask.
    """

    code: PictureCode
    picture: ByteArray | None
    mask: ByteArray | None
    positive: ByteArray | None
    negative: ByteArray | None
    reconstruction: ByteArray
    score_reconstruction: float
    places: tuple[Place, ...]
    regions: tuple[Region, ...]
    student_overlap: float


@dataclass(frozen=True, eq=False)
class Recommendation:
    """Where a student would put the attribute in one picture of a listing. (H,W) is the picture's own size.

    Attributes:
        index, key: its number and name in the listing.
        status: ok; empty (no place); unreadable: there are no pictures then.
        picture: (H,W,3) uint8 RGB, upright. mask: (H,W) uint8, 0 or 255.
        heat: (h,h) float32 in [0,1] over the square that the student saw.
        place: (scale, dx, dy): pixel (x, y) of the heat lies at (scale x + dx, scale y + dy) in the picture.
        regions: the tops of the heat within the mask, in its pixels. places: the same as shares of the picture.
    """

    index: int
    key: str
    status: Literal["ok", "empty", "unreadable"]
    reason: str
    notes: tuple[str, ...] = ()
    picture: ByteArray | None = None
    mask: ByteArray | None = None
    heat: FloatArray | None = None
    place: tuple[float, ...] = ()
    regions: tuple[Region, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, eq=False)
class Relit:
    """A sample's picture with the light of one of its lamps at one setting, and what to say to get there and back.

    Attributes:
        lamp: which is turned, 0 first; the others stay off. rank: of the region that it is in, which may hold several.
        x, y: where it is, as shares of the picture's width and height.
        gain, kelvin: of it.
        image: (H,W,3) uint8: `Sample.negative`, or `Photo.negative` in a run on pictures, with that light.
        on_prompt: instruction that leads from there to `image`; off_prompt: the way back.
        edit_prompt: leads from the lamp's first setting to this one; empty for that one itself.
    """

    lamp: int
    rank: int
    x: float
    y: float
    gain: float
    kelvin: float
    image: ByteArray
    on_prompt: str
    edit_prompt: str
    off_prompt: str


@dataclass(frozen=True, eq=False)
class Sample:
    """One row of the dataset before encoding. Images are (H,W,3) uint8 RGB; `publish.dataset.COLUMNS` says the rest."""

    id: str
    index: int
    seed: int
    image: ByteArray
    """Positive edit: attribute strong."""
    original: ByteArray
    negative: ByteArray
    """Negative edit: attribute weak."""
    mask: ByteArray
    """(H,W) uint8, 0 or 255: the union mask, published as `conditioning_image`."""
    heat: FloatArray
    """(h,w) float32 in [0,1], at the heat map's own size."""
    words: Captions
    score: float
    score_negative: float
    score_positive: float
    retention: float
    necessity: float
    retention_random: float
    necessity_random: float
    """Of the sample's mask moved elsewhere at random."""
    retention_second: float
    necessity_second: float
    """By the held-out scorer; NaN without one."""
    coverage: float
    distance_negative: float
    distance_positive: float
    """Signed code units from `original` to each end."""
    reached: bool
    """Whether both ends reached the scores that were asked for; True where none were."""
    status: Status
    reason: str
    regions: tuple[Region, ...]
    photo: Photo | None = None
    """Of a run on pictures; None on latents."""
    lights: tuple[Relit, ...] = ()
    """The lamps' lights, each at all settings of `light`; empty where none are asked for."""


@dataclass(frozen=True)
class Interval:
    """A measured value with the ends of its confidence interval, in the value's own unit."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class WorkUnit:
    """A half-open range of sample indices that one worker turns into one shard."""

    shard: int
    start: int
    stop: int

    @property
    def indices(self) -> range:
        """The sample indices of the unit, in order."""
        return range(self.start, self.stop)


@dataclass(frozen=True)
class ShardRecord:
    """The manifest's entry for one committed shard.

    Attributes:
        stage: "scores" or "data".
        shard: its number.
        path: relative to the output directory.
        rows: rows in it.
        bytes: size of the object.
        sha256: hex digest of the object.
    """

    stage: str
    shard: int
    path: str
    rows: int
    bytes: int
    sha256: str
