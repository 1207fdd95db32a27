"""Every key of a run, and nothing else that spells one."""

from __future__ import annotations

from typing import Literal

from higan_cam.config import RunConfig

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SCORES, DATA = "scores", "data"
MANIFEST = "manifest/"
REPORT_KEY, CARD_KEY = "report/index.html", "README.md"


def manifest_key(stage: str, shard: int) -> str:
    """Key of a shard's manifest entry."""
    return f"{MANIFEST}{stage}-{shard:05d}.json"


def scores_path(shard: int) -> str:
    """Key of a score shard in the output directory."""
    return f"scores/part-{shard:05d}.parquet"


def shard_path(split: Split, index: int, of: int) -> str:
    """Key of a dataset shard in the output directory, in the naming that `datasets` expects."""
    return f"data/{split}-{index:05d}-of-{of:05d}.parquet"


def boundary_keys(config: RunConfig) -> tuple[str, str]:
    """Keys of the boundary's tensors and of its metrics in the output directory."""
    return f"boundary/{config.attribute}.safetensors", f"boundary/{config.attribute}.json"
