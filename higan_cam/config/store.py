"""How an object store is reached: the `store` section of the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from higan_cam.config.section import Section

EMULATOR = "STORAGE_EMULATOR_HOST"
_MIB = 2**20
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9a-f:.]+")
_NO_SERVER = "must be a URL such as https://storage.example.com or http://127.0.0.1:9000"


class StoreConfig(Section):
    """How an object store is reached. Nothing here changes a byte of the result, and no credential belongs here: those
    come from the client's own chain (environment, profile, role).

    Local folders use `leftovers_s` alone.
    """

    endpoint_url: str | None = None
    """Server other than AWS' or Google's, such as http://minio:9000; null takes AWS_ENDPOINT_URL or the profile's, else
    AWS (s3://), or STORAGE_EMULATOR_HOST, else Google (gs://, where an http:// server gets no credentials)."""
    addressing: Literal["auto", "path", "virtual"] = "auto"
    """s3:// only: bucket in the path or in the host name; auto: in the host name on AWS, in the path anywhere else."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds to wait for a connection."""
    read_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds of silence after which a request has failed."""
    retry_s: float = Field(default=120.0, ge=0)
    """Seconds, from its first try, for which a request is tried again while the server is away or overloaded."""
    multipart_bytes: int = Field(default=64 * _MIB, ge=0, le=5 * 1024 * _MIB)
    """Objects above this many bytes go up in parts. Below, one request writes the object, exclusively on any server."""
    part_bytes: int = Field(default=16 * _MIB, ge=5 * _MIB, le=5 * 1024 * _MIB)
    """Bytes of such a part."""
    connections: int = Field(default=8, ge=1)
    """Requests in flight at once, per process."""
    leftovers_s: float = Field(default=86_400.0, ge=0)
    """Age, in seconds, from which the start of a run removes what dead writers left (unfinished uploads, temporary
    files). Longer than any upload takes: another run's are removed as well."""

    @field_validator("endpoint_url")
    @classmethod
    def _plain_url(cls, value: str | None) -> str | None:
        if value is not None:
            check_endpoint(value)
        return value


def emulator_url(environment: Mapping[str, str]) -> str | None:
    """URL of the emulator of Google's storage that STORAGE_EMULATOR_HOST names (as URL or host:port), if it does."""
    host = environment.get(EMULATOR) or None
    return host if host is None or "://" in host else f"http://{host}"


def check_endpoint(url: str) -> None:
    """ValueError, without repeating it, unless it is an http(s) URL of a server alone."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        named = False
    if not named or url != url.strip():
        raise ValueError(_NO_SERVER) from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must name a server only: put credentials into the environment or a profile")
