"""Outputs as they really are, looked at past the code under test: every object's digest, committed shards, seeding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from higan_cam.store.keys import LEASES
from tests.support.s3_server import S3Server

OUTSIDE_IDENTITY = ("stats/", "report/")


class Output(Protocol):
    """An output directory of a run."""

    @property
    def uri(self) -> str:
        """What drivers are told."""
        ...

    def objects(self) -> dict[str, bytes]:
        """{key: bytes} of everything that lies there."""
        ...

    def committed(self, stage: str) -> int:
        """Manifest entries of a stage."""
        ...

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Lay objects there."""
        ...


@dataclass(frozen=True)
class LocalOutput:
    """A folder that all nodes share."""

    folder: Path

    @property
    def uri(self) -> str:
        """See `Output`."""
        return str(self.folder)

    def objects(self) -> dict[str, bytes]:
        """See `Output`; temporary files that a killed writer left are no objects, no reader sees them."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.name.endswith(".tmp"))
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def committed(self, stage: str) -> int:
        """See `Output`."""
        return len(list(self.folder.glob(f"manifest/{stage}-*.json")))

    def put(self, objects: Mapping[str, bytes]) -> None:
        """See `Output`."""
        for key, body in objects.items():
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)


@dataclass(frozen=True)
class S3Output:
    """A bucket of the suite's own S3 server."""

    server: S3Server
    bucket: str

    @property
    def uri(self) -> str:
        """See `Output`."""
        return f"s3://{self.bucket}/run"

    def objects(self) -> dict[str, bytes]:
        """See `Output`."""
        return self.server.objects(self.uri)

    def committed(self, stage: str) -> int:
        """See `Output`; one listing of at most 1,000 keys, and 0 while the server is away."""
        from botocore.exceptions import BotoCoreError, ClientError

        client: Any = self.server.client()
        try:
            found = client.list_objects_v2(Bucket=self.bucket, Prefix=f"run/manifest/{stage}-")
        except (BotoCoreError, ClientError):
            return 0
        return int(found["KeyCount"])

    def put(self, objects: Mapping[str, bytes]) -> None:
        """See `Output`."""
        client: Any = self.server.client()
        for key, body in objects.items():
            client.put_object(Bucket=self.bucket, Key=f"run/{key}", Body=body)


@dataclass(frozen=True)
class Difference:
    """What sets a run apart from the undisturbed one, keys outside `OUTSIDE_IDENTITY` only.

    Attributes:
        differing: keys whose bytes differ.
        missing: keys that it lacks.
        extra: keys that the undisturbed run does not have.
    """

    differing: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def none(self) -> bool:
        """Whether the two are the same."""
        return not (self.differing or self.missing or self.extra)


def digests(objects: Mapping[str, bytes]) -> dict[str, str]:
    """{key: sha256} of what belongs to a run's identity."""
    kept = {key: body for key, body in objects.items() if not key.startswith(OUTSIDE_IDENTITY)}
    return {key: hashlib.sha256(body).hexdigest() for key, body in sorted(kept.items())}


def one_after_the_other(objects: Mapping[str, bytes]) -> bool:
    """Whether several drivers held the output, each from when the one before it had let go: none came too early."""
    held = [json.loads(body) for key, body in sorted(objects.items()) if key.startswith(LEASES)]
    return len(held) > 1 and all(one["released"] and one["renewed"] <= other["since"] for one, other in pairwise(held))


def compare(found: Mapping[str, str], expected: Mapping[str, str]) -> Difference:
    """Two runs by their digests."""
    shared = found.keys() & expected.keys()
    return Difference(
        differing=tuple(sorted(key for key in shared if found[key] != expected[key])),
        missing=tuple(sorted(expected.keys() - found.keys())),
        extra=tuple(sorted(found.keys() - expected.keys())),
    )
