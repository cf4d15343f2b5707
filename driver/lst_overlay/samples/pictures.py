"""Read a picture of any size as grey levels or colours, upright and reduced, in little memory.

Files need Pillow, which PYNQ's images include; arrays do not.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, Union

import numpy as np

WORKING_SIZE = 512  # pixels; the longer side of a larger picture is divided by a whole number
MAX_DECODED_BYTES = 64 << 20  # of a file; boards have 512 MB for everything
_GREY = np.array([[0.299], [0.587], [0.114]], np.float32)  # ITU-R BT.601, as Pillow's "L"
_COLOURS = np.eye(3, dtype=np.float32)
_STRIP = 1 << 18  # pixels that are converted at once
_DEPTHS = (8, 10, 12, 14, 16, 32)  # bits of a deep picture: the fewest that hold its brightest pixel
# The orientation of EXIF, and what brings the picture upright.
_UPRIGHT = {
    2: lambda picture: picture[:, ::-1],
    3: lambda picture: picture[::-1, ::-1],
    4: lambda picture: picture[::-1],
    5: lambda picture: picture.swapaxes(0, 1),
    6: lambda picture: np.rot90(picture, -1),
    7: lambda picture: picture[::-1, ::-1].swapaxes(0, 1),
    8: lambda picture: np.rot90(picture),
}


def grey_levels(picture: Union[str, os.PathLike, np.ndarray, object]) -> np.ndarray:
    """Return the grey levels of a picture, (H, W) float32 from 0 to 255, neither side above WORKING_SIZE.

    picture: a file (path or open), a PIL image, or an (H, W), (H, W, 3) or (H, W, 4) uint8 array.

    What was drawn on a transparent canvas is black on white, whatever its colour. Raises ValueError if it is
    no picture or a file too large for a board, and the file system's OSError.
    """
    levels = _read(picture, _GREY)
    # If most of the picture is transparent, opacity is the ink.
    if levels.shape[2] == 2 and np.mean(levels[..., 1] < 127.5) > 0.5:
        return 255 - levels[..., 1]
    return _opaque(levels)[..., 0]


def colours(picture: Union[str, os.PathLike, np.ndarray, object]) -> np.ndarray:
    """Return the red, green and blue of a picture, (H, W, 3) float32; all else is as in `grey_levels`.

    What is transparent takes the median colour of the rest.
    """
    return _opaque(_read(picture, _COLOURS))


def scaling(length: int, size: int) -> np.ndarray:
    """Return the (size, length) matrix that scales a side of a picture; its rows are weighted means."""
    ratio = length / size
    middle = (np.arange(size)[:, None] + 0.5) * ratio
    weights = (1 - np.abs(np.arange(length) + 0.5 - middle) / max(ratio, 1)).clip(0)
    return weights / weights.sum(axis=1, keepdims=True)


def _read(picture, mix: np.ndarray) -> np.ndarray:
    """Return what ``mix`` makes of red, green and blue, and opacity if there is one, (H, W, C) float32."""
    if isinstance(picture, np.ndarray):
        if (
            isinstance(picture, np.ma.MaskedArray)
            or picture.dtype != np.uint8
            or 0 in picture.shape
            or not (picture.ndim == 2 or picture.ndim == 3 and picture.shape[2] in (3, 4))
        ):
            raise ValueError(
                "a picture must be an (H, W) or (H, W, 3) array of uint8, "
                f"not {picture.shape} of {picture.dtype}{' with a mask' * np.ma.isMaskedArray(picture)}"
            )
        return _reduced(picture.shape[:2], lambda top, bottom: picture[top:bottom], mix)
    from PIL import Image

    if isinstance(picture, Image.Image):
        return _channels(picture, mix)
    if not (isinstance(picture, (str, os.PathLike)) or hasattr(picture, "read")):
        raise ValueError(f"a picture is a file, a PIL image or an array, not {type(picture).__name__}")
    try:
        with _opened(picture) as image:
            needed = _draft(image, mix)
            if needed <= MAX_DECODED_BYTES:
                return _channels(image, mix)
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise SyntaxError, struct.error, EOFError and others.
        if isinstance(error, OSError) and error.errno:
            raise  # the file system's
        raise ValueError(f"not a picture that Pillow reads ({error})") from None
    raise ValueError(
        f"a picture must need at most {MAX_DECODED_BYTES >> 20} MiB when decoded, "
        f"not {-(-needed >> 20)} MiB; save it smaller, or as a JPEG that is not progressive"
    )


@contextmanager
def naming(picture) -> Iterator[None]:
    """Have a ValueError about a picture begin with the path of its file, if it has one."""
    try:
        yield
    except ValueError as error:
        if isinstance(picture, (str, os.PathLike)):
            raise ValueError(f"{picture}: {error}") from None
        raise


def _opened(file):
    """Open a file without Pillow's limit of its size, which would refuse what _draft makes small."""
    from PIL import Image

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        return Image.open(file)
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _draft(image, mix: np.ndarray) -> int:
    """Have a JPEG decoded at a fraction of its size, and return the bytes that decoding takes."""
    # A progressive JPEG keeps coefficients of 16 bits, three for each pixel.
    progressive = 6 * image.width * image.height if image.info.get("progressive") else 0
    image.draft("RGB" if mix is _COLOURS else "L", (WORKING_SIZE, WORKING_SIZE))
    # What Pillow keeps of a pixel.
    bytes_each = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    return max(progressive, bytes_each * image.width * image.height)


def _channels(image, mix: np.ndarray) -> np.ndarray:
    """Return a PIL image upright, reduced as `_reduced` does it."""
    deep = image.mode[0] in "IF"
    transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    mode = "RGBA" if transparent else "RGB" if mix is _COLOURS else "L"

    def strip(top, bottom):
        part = image.crop((0, top, image.width, bottom))
        return np.asarray(part if deep else part.convert(mode))

    reduced = _reduced((image.height, image.width), strip, mix)
    if deep:
        bits = next((bits for bits in _DEPTHS if reduced.max() < 1 << bits), _DEPTHS[-1])
        reduced = reduced.clip(0) * (255 / ((1 << bits) - 1))
    upright = _UPRIGHT.get(image.getexif().get(0x0112))  # EXIF's Orientation
    return upright(reduced) if upright else reduced


def _reduced(shape, strip, mix: np.ndarray) -> np.ndarray:
    """Return the means of squares of pixels, (H, W, C) float32: as ``mix`` makes them, and opacity if it has.

    strip(top, bottom) returns these rows of the picture.
    """
    factor = -(-max(shape) // WORKING_SIZE)
    down, across = (min(factor, side) for side in shape)
    high, wide = shape[0] // down, shape[1] // across
    step = max(1, _STRIP // (down * shape[1]))  # rows of the result
    rows = []
    for top in range(0, high, step):
        pixels = strip(top * down, min(top + step, high) * down)[:, : wide * across]
        pixels = pixels.astype(np.float32).reshape(*pixels.shape[:2], -1)
        if pixels.shape[2] < 3:
            pixels = np.repeat(pixels, mix.shape[1], axis=2)
        else:
            pixels = np.concatenate([pixels[..., :3] @ mix, pixels[..., 3:]], axis=2)
        rows.append(pixels.reshape(-1, down, wide, across, pixels.shape[2]).mean(axis=(1, 3)))
    return np.concatenate(rows)


def _opaque(channels: np.ndarray) -> np.ndarray:
    """Make what is transparent paper. Opacity, if there is one, is the last of 2 or 4 channels."""
    if channels.shape[2] % 2:
        return channels
    shown, opacity = channels[..., :-1], channels[..., -1:] / 255
    solid = opacity[..., 0] >= 0.5
    paper = np.median(shown[solid], axis=0) if solid.any() else 255
    return shown * opacity + paper * (1 - opacity)
