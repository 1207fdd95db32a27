"""Google Cloud Storage. Small objects are one conditional upload, large ones a resumable one; both are exclusive there.

Every body goes with its MD5, so that a server that got other bytes refuses them, and the digest in the server's answer
is compared as well. Nobody sees an object before its upload is complete.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from higan_cam.config import StoreConfig
from higan_cam.store.places.backend import nanoseconds
from higan_cam.store.places.gcs_client import GcsClient, gcs_client
from higan_cam.store.places.gcs_upload import ResumableUpload
from higan_cam.store.places.local import content_type
from higan_cam.store.places.retrying import RequestError, Retrying, read_many

_TAKEN = "412"
_ABSENT = "404"
_NEW = {"ifGenerationMatch": "0"}
T = TypeVar("T")


@dataclass(frozen=True)
class GcsBackend:
    """Paths are "bucket/key". Raises `RequestError` only.

    Attributes:
        client: sends one request at a time.
        settings: parts, connections and for how long to try again.
    """

    client: GcsClient
    settings: StoreConfig
    failures: tuple[type[Exception], ...] = (RequestError,)

    def create(self, path: str, body: bytes) -> bool:
        """See `backends.Backend`. True also where an answer was lost and the object there holds exactly `body`.

        Above `multipart_bytes` it is exclusive only on servers that honour the condition when an upload is completed,
        as Google says it does; elsewhere a writer that completes later replaces the object.
        """
        if len(body) > self.settings.multipart_bytes:
            return self._stat(path) is None and self._upload(path, body, exclusive=True)

        def write(attempt: int) -> bool:
            try:
                self._insert(path, body, _NEW)
            except RequestError as error:
                if error.code != _TAKEN:
                    raise
                # An earlier try may have been carried out although its answer got lost.
                return attempt > 0 and self._get(path) == body
            return True

        return self._retrying.call(f"create {path}", write)

    def replace(self, path: str, body: bytes) -> None:
        """See `backends.Backend`."""
        if len(body) > self.settings.multipart_bytes:
            self._upload(path, body, exclusive=False)
        else:
            self._retrying.call(f"write {path}", lambda _: self._insert(path, body, {}))

    def read(self, path: str) -> bytes | None:
        """See `backends.Backend`."""
        return self._retrying.call(f"read {path}", lambda _: self._get(path))

    def read_many(self, paths: list[str]) -> dict[str, bytes]:
        """See `backends.Backend`. Requests run concurrently."""
        return read_many(self.read, paths, self.settings.connections)

    def size(self, path: str) -> int | None:
        """See `backends.Backend`."""
        status = self._stat(path)
        return None if status is None else int(status["size"])

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `backends.Backend`. One request per 1,000 objects."""
        bucket = _split(prefix)[0]
        items = self._listed(prefix)
        return {f"{bucket}/{item['name']}": int(item["size"]) for item in items if not item["name"].endswith("/")}

    def part(self, path: str, start: int, stop: int) -> bytes | None:
        """See `backends.Backend`."""
        return self._retrying.call(f"read {path}", lambda _: self._get_part(path, start, stop))

    def listing(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """See `backends.Backend`. One request per 1,000 objects."""
        bucket = _split(prefix)[0]
        for item in self._listed(prefix):
            if not item["name"].endswith("/"):
                yield f"{bucket}/{item['name']}", int(item["size"]), b64decode(item.get("md5Hash", "")).hex()

    def written(self, prefix: str) -> dict[str, int]:
        """See `backends.Backend`. Objects are not written twice: their content and this time change together."""
        bucket = _split(prefix)[0]
        found = ((item["name"], item.get("timeCreated")) for item in self._listed(prefix))
        return {
            f"{bucket}/{name}": nanoseconds(datetime.fromisoformat(when)) for name, when in found if when is not None
        }

    def contents(self, folder: str) -> Iterator[tuple[str, int]]:
        """See `backends.Backend`."""
        bucket = _split(folder)[0]
        for item in self._listed(f"{folder}/", maxResults="50"):
            yield f"{bucket}/{item['name']}", int(item["size"])

    def remove(self, path: str) -> None:
        """See `backends.Backend`."""
        bucket, key = _split(path)
        where, accept = f"{_bucket(bucket)}/o/{quote(key, safe='')}", (200, 204, 404)
        self._retrying.call(f"remove {path}", lambda _: self.client.request("DELETE", where, accept=accept))

    def remove_leftovers(self, folder: str, older_than_s: float) -> list[str]:  # noqa: ARG002
        """See `backends.Backend`. Nothing to do: unfinished uploads cannot be listed; Google drops them in a week."""
        return []

    @property
    def _retrying(self) -> Retrying:
        return Retrying(self.settings.retry_s)

    def _insert(self, path: str, body: bytes, condition: dict[str, str]) -> None:
        """One request: what the object is, then its bytes."""
        described = _described(path, body)
        boundary = secrets.token_hex(16)
        head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(described)}\r\n"
            f"--{boundary}\r\nContent-Type: {described['contentType']}\r\n\r\n"
        )
        answer = self.client.json(
            "POST",
            _uploads(path),
            params={"uploadType": "multipart", "fields": "md5Hash", **condition},
            headers={"Content-Type": f"multipart/related; boundary={boundary}"},
            data=b"".join((head.encode(), body, f"\r\n--{boundary}--\r\n".encode())),
        )
        if answer.get("md5Hash") != described["md5Hash"]:
            said = f"sent bytes with MD5 {described['md5Hash']}, the store holds some with {answer.get('md5Hash')}"
            raise RequestError("digest", said, "is another run writing there?", transient=True)

    def _upload(self, path: str, body: bytes, *, exclusive: bool) -> bool:
        """One part after the other; False where it is to be exclusive and the path is taken by now."""
        described = _described(path, body)
        upload = ResumableUpload(self.client, path, body, described["md5Hash"], self.settings)
        try:
            upload.send(_uploads(path), described, _NEW if exclusive else {})
        except RequestError as error:
            if error.code == _TAKEN and exclusive:
                return False
            # An upload is forgotten once it is complete, and the answer that said so may have got lost.
            found = self._stat(path) if error.code in (_ABSENT, "410") and upload.begun else None
            if found is None or found.get("md5Hash") != described["md5Hash"]:
                raise
        return True

    def _get(self, path: str) -> bytes | None:
        answer = self._found(self.client.request, path, alt="media")
        return None if answer is None else bytes(answer.content)

    def _get_part(self, path: str, start: int, stop: int) -> bytes | None:
        """One try. A server may answer a range with the whole, or with 416 where the object ends before."""
        headers, accept = {"Range": f"bytes={start}-{stop - 1}"}, (200, 206, 416)
        request = partial(self.client.request, headers=headers, accept=accept)
        answer = self._found(request, path, alt="media") if start < stop else None
        if answer is None or answer.status_code == 416:
            return None if answer is None and start < stop else b""
        return bytes(answer.content[start:stop] if answer.status_code == 200 else answer.content)

    def _stat(self, path: str) -> dict[str, Any] | None:
        def look(_: int) -> dict[str, Any] | None:
            return self._found(self.client.json, path, fields="size,md5Hash")

        return self._retrying.call(f"look at {path}", look)

    def _found(self, request: Callable[..., T], path: str, **params: str) -> T | None:
        """The answer about an object, or None where there is none; one try."""
        bucket, key = _split(path)
        try:
            return request("GET", f"{_bucket(bucket)}/o/{quote(key, safe='')}", params=params)
        except RequestError as error:
            if error.code != _ABSENT:
                raise
        # 404 does not say reliably whether the object is missing or the bucket; this does.
        self.client.json("GET", f"{_bucket(bucket)}/o", params={"maxResults": "1", "fields": "kind"})
        return None

    def _listed(self, prefix: str, **params: str) -> Iterator[dict[str, Any]]:
        """What a listing finds, page by page; each is asked for again by itself."""
        bucket, start = _split(prefix)
        params |= {"prefix": start, "fields": "items(name,size,md5Hash,timeCreated),nextPageToken"}
        while True:
            page = self._retrying.call(
                f"list {prefix}", lambda _: self.client.json("GET", f"{_bucket(bucket)}/o", params=params)
            )
            yield from page.get("items", ())
            if not page.get("nextPageToken"):
                return
            params["pageToken"] = page["nextPageToken"]


def gcs_backend(settings: StoreConfig) -> GcsBackend:
    """A backend whose client finds credentials and, unless `settings` names one, the server by itself."""
    return GcsBackend(gcs_client(settings), settings)


def _described(path: str, body: bytes) -> dict[str, str]:
    # Without "no-cache" an object that anyone may read is served from caches for an hour after it was replaced.
    kind, md5 = content_type(path), _md5(body)
    return {"name": _split(path)[1], "contentType": kind, "cacheControl": "no-cache", "md5Hash": md5}


def _split(path: str) -> tuple[str, str]:
    bucket, _, key = path.partition("/")
    return bucket, key


def _bucket(name: str) -> str:
    return f"/storage/v1/b/{quote(name, safe='')}"


def _uploads(path: str) -> str:
    return f"/upload{_bucket(_split(path)[0])}/o"


def _md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
