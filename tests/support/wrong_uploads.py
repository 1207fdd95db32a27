"""Files that are no picture that can be used, each with a word that its reason must have."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib

import numpy as np
from PIL import Image


def picture(height: int = 96, width: int = 128, kind: str = "PNG", seed: int = 0, mode: str = "RGB") -> bytes:
    """A picture's file: a gradient with noise, so that it has something to look at."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    base = np.stack([90 + 60 * rows / height, 80 + 70 * columns / width, np.full(rows.shape, 70.0)], axis=-1)
    pixels = np.clip(base + rng.normal(0, 6, base.shape), 0, 255).astype(np.uint8)
    body = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(body, kind)
    return body.getvalue()


def png_of_size(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that says so of itself; its data is whatever is given."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        told = struct.pack(">I", len(content)) + kind + content
        return told + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def wrong_uploads() -> dict[str, tuple[bytes, str]]:
    """{what it is: (its bytes, a word of the reason)}, more than forty."""
    png, jpeg, webp, gif, bmp, tiff = (picture(kind=kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"))
    return {
        **_others(),
        **_containers(png),
        "a PNG cut in half": (png[: len(png) // 2], "breaks off"),
        "a PNG's first bytes": (png[:8], ""),
        "a PNG without its data": (png_of_size(64, 64), ""),
        "a PNG with damaged data": (png[:200] + bytes(64) + png[264:], ""),
        "a JPEG cut in half": (jpeg[: len(jpeg) // 2], "breaks off"),
        "a JPEG's first bytes": (jpeg[:20], ""),
        "a WebP cut in half": (webp[: len(webp) // 2], ""),
        "a GIF cut at its head": (gif[:20], ""),
        "a BMP cut in half": (bmp[: len(bmp) // 2], ""),
        "a TIFF cut in half": (tiff[: len(tiff) // 2], ""),
        "a PNG of 60,000 x 60,000": (png_of_size(60_000, 60_000, zlib.compress(bytes(1000))), "more than"),
        "a PNG of 2,147,483,647 x 1": (png_of_size(2_147_483_647, 1), ""),
        "a PNG of 0 x 0": (png_of_size(0, 0), ""),
        "a PNG of 5,000 x 4,000, black": (png_of_size(5000, 4000, zlib.compress(bytes(4000 * 15001), 9)), "more than"),
        "a JPEG of 8,200 x 40": (picture(40, 8200, "JPEG"), "8,192"),
        "1 x 9,000 pixels": (picture(1, 9000), "too small"),
        "9,000 x 1 pixels": (picture(9000, 1), "too small"),
        "1 x 1 pixel": (picture(1, 1), "too small"),
        "31 x 31 pixels": (picture(31, 31), "too small"),
    }


def _others() -> dict[str, tuple[bytes, str]]:
    """Files of other kinds."""
    rng = np.random.default_rng(7)
    return {
        "nothing": (b"", "empty"),
        "one zero": (b"\0", "not a picture"),
        "zeros": (bytes(5000), "not a picture"),
        "noise": (rng.bytes(5000), "not a picture"),
        "text": (b"this is not a picture\n" * 20, ""),
        "text in UTF-16": ("kein Bild".encode("utf-16") * 40, ""),
        "a web page": (b"<!doctype html><html><body>404</body></html>", ""),
        "a script": (b"<script>alert(1)</script>", ""),
        "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "SVG"),
        "an SVG behind an XML head": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', ""),
        "XML with entities": (b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>', ""),
        "JSON": (b'{"picture": "none"}', ""),
        "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n", ""),
        "EPS, which starts programs": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", ""),
        "a Photoshop file": (b"8BPS\0\1" + bytes(200), "Photoshop"),
        "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "HEIC"),
        "JPEG XL": (b"\xff\x0a" + bytes(200), "JPEG XL"),
        "an icon": (b"\0\0\1\0\1\0" + bytes(200), "icon"),
        "a program": (b"\x7fELF\2\1\1" + bytes(400), ""),
        "a pickle": (b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94.", ""),
        "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", ""),
        "a name in place of a file": (b"../../etc/passwd\0.png", ""),
        "a film": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(300), ""),
        "sound": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(100), ""),
    }


def _containers(png: bytes) -> dict[str, tuple[bytes, str]]:
    """A real picture, inside of something else."""
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("room.png", png)
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        entry = tarfile.TarInfo("room.png")
        entry.size = len(png)
        tar.addfile(entry, io.BytesIO(png))
    return {
        "a zip with a picture": (zipped.getvalue(), ""),
        "a tar with a picture": (tarred.getvalue(), ""),
        "a gzipped picture": (gzip.compress(png), ""),
        "a picture behind a line of text": (b"hello\n" + png, ""),
        "a picture in base64": (b"data:image/png;base64,iVBORw0KGgo=", ""),
    }
