"""Which files are pictures, by name and by first bytes, and what a file is that is none."""

from __future__ import annotations

from functools import cache

from PIL import Image, features

from higan_cam.weights.kinds import stand_in

FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "PPM", "JPEG2000")
"""Pillow's names of what is read. No others: some of its readers start programs (EPS) or fetch files."""
_ADDED = ("HEIF",)
"""Read where a package has taught Pillow to."""
READ = frozenset(
    (
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
        *(".avif", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpx"),
    )
)
"""Endings of the formats that are read."""
_RAW = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw")
_OTHERS = (".heic", ".heif", ".hif", ".psd", ".svg", ".jxl", ".exr", ".hdr", ".tga", ".xcf", ".ico")
SUFFIXES = READ | frozenset((*_RAW, *_OTHERS))
"""Endings that promise a picture; those that are not read become rows with a reason."""
_SAVE = "save it as PNG or JPEG"
_AVIF = (b"avif", b"avis")
_BRANDS = {
    **dict.fromkeys(_AVIF, "AVIF, which this Pillow does not read: install Pillow 11.3 or newer"),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), f"HEIC, which is not read; {_SAVE}"
    ),
    b"crx ": f"a camera's raw file, which is not read; {_SAVE}",
}
_BEGINNINGS = {
    b"8BPS": f"a Photoshop file, which is not read; {_SAVE}",
    b"\xff\x0a": f"JPEG XL, which is not read; {_SAVE}",
    b"\x00\x00\x00\x0cJXL ": f"JPEG XL, which is not read; {_SAVE}",
    b"\x76\x2f\x31\x01": f"OpenEXR, which is not read; {_SAVE}",
    b"#?RADIANCE": f"a Radiance picture, which is not read; {_SAVE}",
    b"<svg": f"an SVG drawing, which is not read; {_SAVE}",
    b"gimp xcf": f"a GIMP file, which is not read; {_SAVE}",
    b"\x00\x00\x01\x00": f"an icon, which is not read; {_SAVE}",
    b"II*\x00": "a TIFF, or a camera's raw file, of a kind that is not read",
    b"MM\x00*": "a TIFF, or a camera's raw file, of a kind that is not read",
}


def suffix_of(key: str) -> str:
    """The ending of a name with its dot, in lower case; "" without one."""
    name = key.rpartition("/")[2]
    return f".{name.rpartition('.')[2].lower()}" if "." in name.lstrip(".") else ""


def looks_like_a_picture(key: str) -> bool:
    """Whether a name promises a picture, one that is read or one that is not."""
    return suffix_of(key) in SUFFIXES


@cache
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that it reads here, out of those that are wanted."""
    Image.init()
    wanted = FORMATS if features.check("avif") else tuple(name for name in FORMATS if name != "AVIF")
    return tuple(name for name in (*wanted, *_ADDED) if name in Image.OPEN)


def what_else(head: bytes) -> str:
    """What a file is that no reader knows, by its first bytes."""
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in _AVIF and "AVIF" in formats():
        return "damaged at its beginning, or breaks off"
    if brand in _BRANDS:
        return _BRANDS[brand]
    for beginning, reason in _BEGINNINGS.items():
        if head.startswith(beginning) or (beginning == b"<svg" and b"<svg" in head[:512]):
            return reason
    other = stand_in(head)
    if other == "a picture":
        return "damaged at its beginning, or breaks off"
    return "not a picture" if other is None else other.partition(";")[0]
