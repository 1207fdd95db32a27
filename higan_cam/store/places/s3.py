"""S3 and everything that speaks it. Small objects are one conditional PUT, large ones a multipart upload.

Every body carries its MD5, so that a server that got other bytes refuses them; an upload in parts is also looked at
once it is complete. The client itself never repeats a request: `Retrying` does, one request at a time, so an upload
that loses one part sends that part again.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from higan_cam.config import StoreConfig
from higan_cam.store.places.backend import nanoseconds
from higan_cam.store.places.local import content_type
from higan_cam.store.places.retrying import RequestError, Retrying, read_many
from higan_cam.store.places.s3_client import s3_client
from higan_cam.store.places.s3_errors import request_error

_TAKEN = ("PreconditionFailed", "412")
_ABORT_S = 5.0
_REPLACEMENTS = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class S3Backend:
    """Paths are "bucket/key". Raises `RequestError` only.

    Attributes:
        client: botocore's, without retries of its own; safe to share among threads.
        settings: parts, connections and for how long to try again.
    """

    client: Any
    settings: StoreConfig
    failures: tuple[type[Exception], ...] = (RequestError,)

    def create(self, path: str, body: bytes) -> bool:
        """See `backends.Backend`. True also where an answer was lost and the object there holds exactly `body`.

        Above `multipart_bytes` it is exclusive only on servers that honour the condition when an upload is completed
        (AWS does, Ceph does not): elsewhere a writer that completes at the same time as another replaces its object,
        and the one whose object is gone finds False.
        """
        if len(body) > self.settings.multipart_bytes:
            return self._head(path) is None and self._upload(path, body, exclusive=True)

        def write(attempt: int) -> bool:
            try:
                self._put(path, body, IfNoneMatch="*")
            except RequestError as error:
                if error.code not in _TAKEN:
                    raise
                # An earlier try may have been carried out although its answer got lost.
                return attempt > 0 and self._get(path) == body
            return True

        return self._retrying.call(f"create {path}", write)

    def replace(self, path: str, body: bytes) -> None:
        """See `backends.Backend`."""
        if len(body) <= self.settings.multipart_bytes:
            self._retrying.call(f"write {path}", lambda _: self._put(path, body))
            return
        for _ in range(_REPLACEMENTS):
            if self._upload(path, body, exclusive=False):
                return
        said = f"wrote {len(body)} bytes and found others, {_REPLACEMENTS} times"
        raise RequestError("replaced", said, "is another run writing there?", transient=False)

    def read(self, path: str) -> bytes | None:
        """See `backends.Backend`."""
        return self._retrying.call(f"read {path}", lambda _: self._get(path))

    def read_many(self, paths: list[str]) -> dict[str, bytes]:
        """See `backends.Backend`. Requests run concurrently."""
        return read_many(self.read, paths, self.settings.connections)

    def size(self, path: str) -> int | None:
        """See `backends.Backend`."""
        head = self._head(path)
        if head is None:
            # The answer to HEAD has no body, so it does not say whether the bucket is there; this one does.
            self._call("list_objects_v2", Bucket=_split(path)["Bucket"], MaxKeys=1)
            return None
        return int(head["ContentLength"])

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `backends.Backend`. One request per 1,000 objects."""
        bucket = _split(prefix)["Bucket"]
        items = self._listed(prefix)
        return {f"{bucket}/{item['Key']}": int(item["Size"]) for item in items if not item["Key"].endswith("/")}

    def part(self, path: str, start: int, stop: int) -> bytes | None:
        """See `backends.Backend`."""
        whole = {"Range": f"bytes={start}-{stop - 1}"}
        return self._retrying.call(f"read {path}", lambda _: self._get(path, **whole)) if start < stop else b""

    def listing(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """See `backends.Backend`. One request per 1,000 objects."""
        bucket = _split(prefix)["Bucket"]
        for item in self._listed(prefix):
            if not item["Key"].endswith("/"):
                yield f"{bucket}/{item['Key']}", int(item["Size"]), str(item.get("ETag", "")).strip('"')

    def written(self, prefix: str) -> dict[str, int]:
        """See `backends.Backend`. To the second."""
        bucket = _split(prefix)["Bucket"]
        found = ((item["Key"], item.get("LastModified")) for item in self._listed(prefix))
        return {f"{bucket}/{key}": nanoseconds(when) for key, when in found if when is not None}

    def contents(self, folder: str) -> Iterator[tuple[str, int]]:
        """See `backends.Backend`."""
        bucket = _split(folder)["Bucket"]
        for item in self._listed(f"{folder}/", MaxKeys=50):
            yield f"{bucket}/{item['Key']}", int(item["Size"])

    def remove(self, path: str) -> None:
        """See `backends.Backend`."""
        self._call("delete_object", **_split(path))

    def remove_leftovers(self, folder: str, older_than_s: float) -> list[str]:
        """See `backends.Backend`: aborts unfinished uploads."""
        where = _split(f"{folder}/")
        limit = datetime.now(UTC) - timedelta(seconds=older_than_s)
        pages = self._pages("list_multipart_uploads", Bucket=where["Bucket"], Prefix=where["Key"])
        uploads = [upload for page in pages for upload in page.get("Uploads", ()) if upload["Initiated"] < limit]
        for upload in uploads:
            self._abort({"Bucket": where["Bucket"], "Key": upload["Key"], "UploadId": upload["UploadId"]})
        return [f"{where['Bucket']}/{upload['Key']}" for upload in uploads]

    @property
    def _retrying(self) -> Retrying:
        return Retrying(self.settings.retry_s)

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        what = f"{operation} {arguments['Bucket']}/{arguments.get('Key', arguments.get('Prefix', ''))}"
        return self._retrying.call(what, lambda _: self._try(operation, **arguments))

    def _try(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """One request. Its body, if it has one, is under "Body", whole.

        Raises:
            RequestError: without the client's own error behind it, which may hold credentials.
        """
        try:
            answer: dict[str, Any] = getattr(self.client, operation)(**arguments)
            if "Body" in answer:
                answer["Body"] = answer["Body"].read()
            if operation == "head_object" and "ContentLength" not in answer:
                raise ResponseParserError("headers are missing")
        # Credentials that are renewed while the run is at work fail with Python's own errors.
        except (ClientError, BotoCoreError, ResponseParserError, OSError, ValueError) as error:
            failure = request_error(error)
        else:
            return answer
        raise failure

    def _put(self, path: str, body: bytes, **condition: str) -> None:
        kind = content_type(path)
        self._try("put_object", **_split(path), Body=body, ContentMD5=_md5(body), ContentType=kind, **condition)

    def _get(self, path: str, **part: str) -> bytes | None:
        try:
            return bytes(self._try("get_object", **_split(path), **part)["Body"])
        except RequestError as error:
            if part and error.code in ("InvalidRange", "416"):  # it begins where the object has ended
                return b""
            # A bare 404 is not an S3 server's answer: something else listens there.
            if error.code != "NoSuchKey":
                raise
            return None

    def _head(self, path: str) -> dict[str, Any] | None:
        try:
            return self._call("head_object", **_split(path))
        except RequestError as error:
            if error.code not in ("NoSuchKey", "404"):
                raise
            return None

    def _listed(self, prefix: str, **limit: int) -> Iterator[dict[str, Any]]:
        where = _split(prefix)
        for page in self._pages("list_objects_v2", Bucket=where["Bucket"], Prefix=where["Key"], **limit):
            yield from page.get("Contents", ())

    def _pages(self, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The answers to a listing, page by page; each is asked for again by itself."""
        while True:
            page = self._call(operation, **arguments)
            yield page
            if not page.get("IsTruncated"):
                return
            following = {
                "ContinuationToken": page.get("NextContinuationToken"),
                "KeyMarker": page.get("NextKeyMarker"),
                "UploadIdMarker": page.get("NextUploadIdMarker"),
            }
            arguments |= {name: value for name, value in following.items() if value}

    def _at_once(self, function: Any, items: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor(self.settings.connections) as pool:
            return list(pool.map(function, items))

    def _upload(self, path: str, body: bytes, *, exclusive: bool) -> bool:
        """Several parts at once; whatever goes wrong, the upload is aborted, so nothing is stored and paid for."""
        target = _split(path)
        size = self.settings.part_bytes
        begun = self._call("create_multipart_upload", **target, ContentType=content_type(path))
        upload = {**target, "UploadId": begun["UploadId"]}

        def send(start: int) -> dict[str, Any]:
            part, number = body[start : start + size], start // size + 1
            answer = self._call("upload_part", **upload, PartNumber=number, Body=part, ContentMD5=_md5(part))
            return {"PartNumber": number, "ETag": answer["ETag"]}

        try:
            parts = self._at_once(send, range(0, len(body), size))
            # Again, because sending took a while.
            created = not (exclusive and self._head(path) is not None)
            created = created and self._complete(path, body, upload, parts, exclusive=exclusive)
        except BaseException:
            self._abort(upload)
            raise
        if not created:
            self._abort(upload)
        return created

    def _complete(
        self, path: str, body: bytes, upload: dict[str, str], parts: list[dict[str, Any]], *, exclusive: bool
    ) -> bool:
        condition = {"IfNoneMatch": "*"} if exclusive else {}

        def complete(attempt: int) -> bool:
            try:
                self._try("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts}, **condition)
            except RequestError as error:
                gone = error.code == "NoSuchUpload" and attempt > 0
                if not gone and error.code not in _TAKEN:
                    raise
                # An earlier try may have been carried out although its answer got lost.
                found = self._get(path) if attempt > 0 else None
                if gone and found is None:
                    raise
                return found == body
            return True

        return self._retrying.call(f"complete {path}", complete) and self._holds(path, body, parts)

    def _holds(self, path: str, body: bytes, parts: list[dict[str, Any]]) -> bool:
        """Whether the object has the size of `body` and, where the server's tags are MD5s, its digest."""
        head = self._head(path)
        if head is None or head["ContentLength"] != len(body):
            return False
        starts = range(0, len(body), self.settings.part_bytes)
        ours = [_digest(body[start : start + self.settings.part_bytes]) for start in starts]
        if [part["ETag"].strip('"') for part in parts] != [part.hex() for part in ours]:
            return True  # encrypted with a key of the user's, for example
        return bool(head["ETag"].strip('"') == f"{_digest(b''.join(ours)).hex()}-{len(ours)}")

    def _abort(self, upload: dict[str, str]) -> None:
        try:
            brief = Retrying(min(_ABORT_S, self.settings.retry_s))
            brief.call(f"abort {upload['Key']}", lambda _: self._try("abort_multipart_upload", **upload))
        except RequestError as error:
            if error.code != "NoSuchUpload":
                _log.warning("%s: unfinished upload not aborted (%s)", upload["Key"], error.said)


def s3_backend(settings: StoreConfig) -> S3Backend:
    """A backend whose client finds credentials, region and, unless `settings` names one, the server by itself."""
    return S3Backend(s3_client(settings), settings)


def _split(path: str) -> dict[str, str]:
    bucket, _, key = path.partition("/")
    return {"Bucket": bucket, "Key": key}


def _digest(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


def _md5(body: bytes) -> str:
    return b64encode(_digest(body)).decode()
