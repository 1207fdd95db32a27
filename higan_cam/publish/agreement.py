"""Whether two shards of the same unit hold the same samples, where their bytes differ.

Bytes depend on the kind of device, on library versions and on the micro-batch, since floating-point sums do; samples
then agree within `SCORE_SHARE`, `PIXEL`, `HEAT` and `MASK_IOU`. These are averages over a shard, because single pixels
beside a region's border may go either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.publish.codes import decode_codes
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.scores import decode_scores
from higan_cam.types import BoolArray, FloatArray

SCORE_SHARE = 0.01
"""Mean |difference| of scores, as a share of the scorer's range."""
PIXEL = 1.0
"""Mean |difference| of pictures, levels of 255."""
HEAT = 2 / 255
"""Mean |difference| of heat maps."""
MASK_IOU = 0.98
"""Mean intersection over union of masks; at least."""
PSNR_DB = 0.5
"""Mean |difference| of how near reconstructions come to their pictures, dB."""
UNLIKE = 0.1
"""Share of rows whose number of lights may differ: a small region comes or goes with the rounding."""
_LIGHTS = "lights"
_PICTURES = ("image", "original", "negative")
_SCORES = ("score", "score_negative", "score_positive")


def scores_disagreement(theirs: bytes, ours: bytes, score_range: tuple[float, float]) -> str | None:
    """What is beyond tolerance between two score shards, or None."""
    (their_indices, their_scores), (our_indices, our_scores) = decode_scores(theirs), decode_scores(ours)
    if not np.array_equal(their_indices, our_indices):
        return "other indices"
    return _beyond("mean score difference", _mean_gap(their_scores, our_scores), _score_limit(score_range))


def codes_disagreement(theirs: bytes, ours: bytes) -> str | None:
    """What is beyond tolerance between two shards of codes, or None.

    A descent takes another path after other rounding, so codes may differ where what they draw does not.
    """
    there, here = decode_codes(theirs), decode_codes(ours)
    if [(row.key, row.status) for row in there] != [(row.key, row.status) for row in here]:
        return "other pictures, or other verdicts on them"
    found = [(a.figures.get("psnr"), b.figures.get("psnr")) for a, b in zip(there, here, strict=True)]
    gaps = [abs(a - b) for a, b in found if a is not None and b is not None]
    return _beyond("mean difference of PSNR", float(np.mean(gaps)), PSNR_DB) if gaps else None


def samples_disagreement(theirs: bytes, ours: bytes, score_range: tuple[float, float]) -> str | None:
    """What is beyond tolerance between two dataset shards, or None."""
    try:
        there, here = (_columns(body) for body in (theirs, ours))
    except (pa.ArrowException, OSError) as error:
        return f"no readable Parquet with a dataset's columns ({type(error).__name__})"
    if there["id"] != here["id"]:
        return "other ids"
    if not here["id"]:
        return None
    return next(_disagreements(there, here, _score_limit(score_range)), None)


def _columns(body: bytes) -> dict[str, Any]:
    """What is compared, by column; the lights' pictures, where there are any, as a column of their own."""
    columns = ["id", *_SCORES, *_PICTURES, "heat", "conditioning_image"]
    lit = [_LIGHTS] if _LIGHTS in pq.read_schema(pa.BufferReader(body)).names else []
    found: dict[str, Any] = pq.read_table(pa.BufferReader(body), columns=[*columns, *lit]).to_pydict()
    found[_LIGHTS] = [[light["image"] for light in lights] for lights in found.get(_LIGHTS, ())]
    return found


def _disagreements(there: dict[str, Any], here: dict[str, Any], score_limit: float) -> Iterator[str]:
    for name in _SCORES:
        found = _beyond(
            f"mean difference of {name}", _mean_gap(np.array(there[name]), np.array(here[name])), score_limit
        )
        if found:
            yield found
    rows = [(a, b) for a, b in zip(there[_LIGHTS], here[_LIGHTS], strict=False) if len(a) == len(b)]
    most = max(len(there[_LIGHTS]), len(here[_LIGHTS]))
    if most - len(rows) > UNLIKE * most:
        yield f"other numbers of lights in {most - len(rows)} of {most} rows"
    there = {**there, _LIGHTS: [light for of_row, _ in rows for light in of_row]}
    here = {**here, _LIGHTS: [light for _, of_row in rows for light in of_row]}
    pictures = ((name, PIXEL, decode_image) for name in (*_PICTURES, _LIGHTS))
    for name, limit, decode in (*pictures, ("heat", HEAT, decode_heat)):
        gaps = [_mean_gap(decode(a["bytes"]), decode(b["bytes"])) for a, b in zip(there[name], here[name], strict=True)]
        found = _beyond(f"mean difference of {name}", float(np.mean(gaps or [0])), limit)
        if found:
            yield found
    pairs = zip(there["conditioning_image"], here["conditioning_image"], strict=True)
    overlap = float(np.mean([_iou(decode_image(a["bytes"]) > 0, decode_image(b["bytes"]) > 0) for a, b in pairs]))
    if overlap < MASK_IOU:
        yield f"mean intersection over union of masks {overlap:.4f}, expected at least {MASK_IOU:g}"


def _beyond(what: str, gap: float, limit: float) -> str | None:
    return None if gap <= limit else f"{what} {gap:.4g}, expected at most {limit:.4g}"


def _mean_gap(a: Any, b: Any) -> float:
    """Mean absolute difference; infinite where shapes differ or one alone is NaN."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    gaps: FloatArray = np.abs(a - b)[~np.isnan(a)]
    return float(gaps.mean()) if gaps.size else 0.0


def _iou(a: BoolArray, b: BoolArray) -> float:
    """1 where both are empty: they agree."""
    union = np.sum(a | b)
    return float(np.sum(a & b) / union) if union else 1.0


def _score_limit(score_range: tuple[float, float]) -> float:
    return SCORE_SHARE * (score_range[1] - score_range[0])
