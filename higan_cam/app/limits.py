"""What the page takes, and how much of it at once."""

from __future__ import annotations

from dataclasses import dataclass

MEGA = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Bounds that hold in every replica.

    Attributes:
        upload_bytes: of a picture's or a lamp's file.
        pixels: of a picture; what is computed for one takes some 120 bytes each.
        shortest, longest: sides of a picture, px; canvases of browsers end at 16,384.
        lamp_pixels: of a lamp's picture.
        working: pictures in work at once. waiting: requests behind them; the next one is told to come back.
        upload_s: seconds that an upload may take.
    """

    upload_bytes: int = 24 * MEGA
    pixels: int = 12_600_000
    shortest: int = 32
    longest: int = 8192
    lamp_pixels: int = 4 * MEGA
    working: int = 1
    waiting: int = 7
    upload_s: float = 60.0

    @property
    def request_bytes(self) -> int:
        """Of a whole request: a picture, a lamp and what is said about them."""
        return 2 * self.upload_bytes + 4096

    def problem(self, width: int, height: int) -> str:
        """Why a picture of this size is not taken; "" where it is."""
        if min(width, height) < self.shortest:
            return f"{width} x {height} pixels: too small; each side needs {self.shortest} or more"
        if max(width, height) > self.longest:
            return f"{width} x {height} pixels: a side may have {self.longest:,} at most; make it smaller"
        return ""
