"""How a run is carried out; nothing here changes a byte of the result."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from higan_cam.config.section import Section

SMALLEST_SHARE = 0.0001
"""Ray counts resources in ten-thousandths."""


class RuntimeConfig(Section):
    """How the run is carried out. Nothing here changes a byte of the result."""

    workers: int | Literal["auto"] = "auto"
    """Actors per stage; auto: one per GPU (per CPU without any) of the cluster at each moment. With an autoscaler, a
    number: the most it may start."""
    gpus_per_worker: float | Literal["auto"] = "auto"
    """GPUs per actor, a whole number or a share of one; auto takes 1 where the cluster has GPUs, else 0."""
    max_in_flight: int | Literal["auto"] = "auto"
    """Mask units submitted and not yet committed; auto takes two per worker."""
    max_tries: int = Field(default=3, ge=1)
    """Attempts per unit before it is quarantined."""
    hang_timeout_s: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    """Seconds after which a unit in execution counts as hung and its worker is killed; auto: ten times the longest unit
    of the stage so far, at least 300, and 3600 before one has finished."""
    start_timeout_s: float = Field(default=1800.0, gt=0)
    """Seconds to wait for a worker while none can work; an autoscaler may have to start nodes first."""
    address: str | None = None
    """Ray cluster to join: host:port, or `auto` for one on this machine; null: $RAY_ADDRESS, else one of its own."""
    lease_s: float = Field(default=30.0, ge=1)
    """Seconds of silence after which another driver may take over the output; a living one renews thrice in it."""
    lease_wait_s: float = Field(default=0.0, ge=0)
    """Seconds to wait for another driver of the same output to finish; 0 refuses once it is seen to be alive."""

    @field_validator("workers", "max_in_flight")
    @classmethod
    def _at_least_one(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError("must be >= 1 or 'auto'")
        return value

    @field_validator("gpus_per_worker")
    @classmethod
    def _not_negative(cls, value: float | str) -> float | str:
        if isinstance(value, float) and value < 0:
            raise ValueError("must be >= 0 or 'auto'")
        if isinstance(value, float) and value > 1 and not value.is_integer():
            raise ValueError("must be a whole number above 1, or a share of one GPU below: Ray shares no second one")
        if isinstance(value, float) and 0 < value < SMALLEST_SHARE:
            raise ValueError(f"must be 0, or {SMALLEST_SHARE} and more, the smallest share of a GPU that Ray counts")
        return value
