"""Reading what a frame shows, and how well."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def upright(source: Path | bytes | Image.Image) -> Image.Image:
    """Return the picture as a viewer shows it, in RGB."""
    if isinstance(source, Image.Image):
        return source.convert("RGB")
    opened = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    return ImageOps.exif_transpose(opened).convert("RGB")


def number_in(source: Path | bytes | Image.Image) -> int:
    """Return the number in the bar code at the top of a picture.

    Two rows of 16 cells cover the top eighth. A bit is 1 if its upper cell is
    brighter than its lower cell; the highest bit comes first.
    """
    grey = np.asarray(upright(source).convert("L"), dtype=int)
    height, width = grey.shape
    middles = [width * (2 * bit + 1) // 32 for bit in range(16)]
    upper, lower = grey[height // 32, middles], grey[3 * height // 32, middles]
    assert (abs(upper - lower) >= 64).all(), "the picture has no clear bar code"
    return int("".join("1" if one else "0" for one in upper > lower), 2)


def likeness(a: Path | bytes, b: Path | bytes) -> float:
    """Return the peak signal-to-noise ratio of two pictures in dB."""
    first, second = (np.asarray(upright(p), dtype=float) for p in (a, b))
    assert first.shape == second.shape, f"sizes differ: {first.shape} and {second.shape}"
    error = ((first - second) ** 2).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def is_written_anew(source: Path) -> bool:
    """Report whether the server serves other bytes than the source's as original.

    Pictures with an orientation are turned, and TIFFs are packed by LZW.
    """
    with Image.open(source) as picture:
        return picture.format == "TIFF" or picture.getexif().get(0x0112, 1) != 1
