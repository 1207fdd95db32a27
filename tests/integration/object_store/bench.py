"""An object store behind the fault-injecting proxy."""

from __future__ import annotations

from dataclasses import dataclass

from higan_cam.config import StoreConfig
from higan_cam.store.store import Store, open_store
from tests.integration.object_store.proxy import FaultProxy
from tests.support.s3_server import S3Server

PART = 5 * 2**20


SETTINGS = StoreConfig(
    connect_timeout_s=5, read_timeout_s=30, retry_s=60, multipart_bytes=2**20, part_bytes=PART, connections=3
)


@dataclass(frozen=True)
class Bench:
    """What a test of faults works with.

    Attributes:
        proxy: in front of the server.
        server: to look at it past the proxy.
        uri: `s3://bucket/run`, empty.
        store: reaches it through the proxy.
    """

    proxy: FaultProxy
    server: S3Server
    uri: str
    store: Store

    def objects(self) -> dict[str, bytes]:
        """{key: bytes} of what is really there."""
        return self.server.objects(self.uri)

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.uri.split("/")[2]

    def place(self, key: str, body: bytes) -> None:
        """Put an object there past the proxy."""
        self.server.client().put_object(Bucket=self.bucket, Key=f"run/{key}", Body=body)

    def opened(self, fault: str = "", **settings: float) -> Store:
        """The same place with other settings; where the fault is silence, with little patience for it."""
        if "stall" in fault:
            settings = {"read_timeout_s": 0.5, **settings}
        return open_store(self.uri, SETTINGS.model_copy(update=settings))
