"""Pictures of all kinds are read as grey levels, upright, and in little memory."""

import io
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from lst_overlay.samples.pictures import WORKING_SIZE, colours, grey_levels, scaling


@pytest.fixture(scope="module")
def page():
    """Return paper with a dark bar, darker below, (60, 40) uint8."""
    page = np.full((60, 40), 210, np.uint8)
    page[10:30, 8:14] = 60
    page[30:50, 8:14] = 20
    return page


def test_a_path_an_open_file_an_image_and_an_array_read_the_same(page, tmp_path):
    Image.fromarray(page).save(tmp_path / "page.png")
    for picture in (
        tmp_path / "page.png",
        str(tmp_path / "page.png"),
        Image.open(tmp_path / "page.png"),
        page,
    ):
        np.testing.assert_array_equal(grey_levels(picture), page)
    with open(tmp_path / "page.png", "rb") as file:
        np.testing.assert_array_equal(grey_levels(file), page)


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA", "LA", "CMYK", "I", "I;16", "F"])
def test_every_mode_of_pillow(page, mode):
    image = Image.fromarray(page)
    if mode == "I;16":
        image = Image.fromarray(page.astype(np.uint16))
    else:
        image = image.convert(mode, dither=Image.Dither.NONE)
    found = grey_levels(image)
    expected = np.where(page > 127, 255, 0) if mode == "1" else page
    assert np.abs(found - expected).max() <= 2


def test_colour_is_reduced_as_pillow_reduces_it():
    colours = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    assert np.abs(grey_levels(colours) - np.asarray(Image.fromarray(colours).convert("L"))).max() < 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_colours_are_read_as_they_are(tmp_path, mode):
    blocks = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    image = Image.fromarray(blocks).convert(mode, **({"colors": 12} if mode == "P" else {}))
    image.save(tmp_path / "blocks.tif")
    for picture in (tmp_path / "blocks.tif", image):
        assert np.abs(colours(picture) - np.asarray(image.convert("RGB"))).max() == 0
    if mode.startswith("RGB"):
        np.testing.assert_array_equal(colours(np.asarray(image)), blocks)


def test_grey_has_three_equal_colours(page):
    for picture in (page, Image.fromarray(page), Image.fromarray(page.astype(np.uint16))):
        found = colours(picture)
        assert found.shape == (60, 40, 3) and np.abs(found - page[..., None]).max() < 1


def test_transparent_corners_of_colours_become_their_median():
    window = np.full((40, 40, 4), (200, 100, 50, 255), np.uint8)
    window[:3, :3] = 0
    np.testing.assert_allclose(colours(window), np.broadcast_to((200, 100, 50), (40, 40, 3)), rtol=1e-6)
    assert (colours(np.zeros((4, 4, 4), np.uint8)) == 255).all()


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_deep_picture_may_hold_fewer_bits_than_it_has_room_for(page, tmp_path, bits):
    Image.fromarray((page.astype(np.uint16) << (bits - 8)) + 3).save(tmp_path / "deep.png")
    assert np.abs(grey_levels(tmp_path / "deep.png") - page).max() < 2


def test_a_picture_of_32_bits(page):
    deep = Image.fromarray(page.astype(np.int32) << 22)
    assert np.abs(grey_levels(deep) - page / 4).max() < 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(page, tmp_path, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)  # Image.Transpose, the other way round
    lying = Image.fromarray(page) if undo is None else Image.fromarray(page).transpose(undo)
    lying.getexif()[0x0112] = orientation
    lying.save(tmp_path / "lying.png", exif=lying.getexif())
    np.testing.assert_array_equal(grey_levels(tmp_path / "lying.png"), page)
    np.testing.assert_array_equal(grey_levels(Image.open(tmp_path / "lying.png")), page)


@pytest.mark.parametrize("pen", [0, 128, 255])
@pytest.mark.parametrize("ground", [0, 255])
def test_what_is_drawn_on_a_transparent_canvas_is_black_on_white(page, pen, ground):
    canvas = np.full((*page.shape, 4), pen, np.uint8)
    canvas[..., 3] = np.where(page < 100, 255, 0)
    canvas[page >= 100, :3] = ground
    np.testing.assert_array_equal(grey_levels(canvas), np.where(page < 100, 0, 255))
    np.testing.assert_array_equal(grey_levels(Image.fromarray(canvas)), np.where(page < 100, 0, 255))


def test_transparent_corners_of_a_picture_become_paper(page):
    window = np.dstack([page] * 3 + [np.full_like(page, 255)])
    window[:3, :3] = 0
    expected = page.astype(float)
    expected[:3, :3] = 210
    np.testing.assert_allclose(grey_levels(window), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1500, 700), (513, 40), (40, 2000), (1, 5000)])
def test_a_large_picture_is_reduced_by_means(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = grey_levels(picture)
    assert WORKING_SIZE / 2 <= max(found.shape) <= WORKING_SIZE
    if shape == (1500, 700):
        np.testing.assert_allclose(found[7, 9], picture[21:24, 27:30].mean(), rtol=1e-6)


def test_scaling_takes_weighted_means_of_all_points():
    for length, size in ((100, 7), (20, 20), (5, 13)):
        weights = scaling(length, size)
        np.testing.assert_allclose(weights.sum(axis=1), 1)
        assert weights.sum(axis=0).min() > 0
        np.testing.assert_allclose(weights[::-1, ::-1], weights)


def memory_of(path):
    """Return by how many MiB reading a file raises a process's peak, and what it prints."""
    code = (
        "import sys, resource, numpy, PIL.JpegImagePlugin\n"
        "from lst_overlay.samples.pictures import grey_levels\n"
        "def peak():\n"
        "    with open('/proc/self/status') as file:\n"
        "        return next(int(line.split()[1]) for line in file if line.startswith('VmHWM')) >> 10\n"
        "before = peak()\n"
        "print(grey_levels(sys.argv[1]).shape)\n"
        "print(peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    shape, more = done.stdout.splitlines()
    return int(more), shape


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_jpeg_of_108_megapixels_takes_little_memory(tmp_path):
    Image.new("L", (12000, 9000), 200).save(tmp_path / "large.jpg")
    more, shape = memory_of(tmp_path / "large.jpg")
    assert more < 32
    assert shape == "(375, 500)"


def png(width, height, bits=1):
    """Return the head of a grey PNG, and no pixels."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)), (b"IDAT", b"")]
    text = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + text)


@pytest.mark.parametrize(
    "file, needed",
    [(png(16320, 12240), 191), (png(12000, 9000, bits=8), 103), (png(6000, 6000, bits=16), "(69|138)")],
)
def test_a_file_too_large_for_a_board_is_refused_before_it_is_decoded(file, needed):
    with warnings.catch_warnings(), pytest.raises(
        ValueError, match=f"at most 64 MiB .* not {needed} MiB; save"
    ):
        warnings.simplefilter("error")
        grey_levels(file)
    assert Image.MAX_IMAGE_PIXELS == 89478485


def test_a_progressive_jpeg_counts_with_its_coefficients(tmp_path):
    Image.new("L", (4000, 3000)).save(tmp_path / "large.jpg", progressive=True)
    with pytest.raises(ValueError, match="at most 64 MiB when decoded, not 69 MiB; .* not progressive"):
        grey_levels(tmp_path / "large.jpg")


@pytest.mark.parametrize(
    "picture, message",
    [
        (np.zeros((50, 50)), r"array of uint8, not \(50, 50\) of float64"),
        (np.zeros((0, 50), np.uint8), r"not \(0, 50\)"),
        (np.zeros(50, np.uint8), r"not \(50,\)"),
        (np.zeros((9, 9, 2), np.uint8), r"not \(9, 9, 2\)"),
        (np.ma.masked_array(np.zeros((9, 9), np.uint8), mask=True), r"not \(9, 9\) of uint8 with a mask"),
        (None, "a picture is a file, a PIL image or an array, not NoneType"),
        (7, "not int"),
    ],
)
def test_what_is_no_picture_is_refused(picture, message):
    with pytest.raises(ValueError, match=message):
        grey_levels(picture)


@pytest.mark.parametrize(
    "content", [b"seven", png(20, 20).getvalue(), b"\x89PNG\r\n\x1a\n", b"GIF89a" + b"\xff" * 9]
)
def test_a_damaged_file_is_no_picture(tmp_path, content):
    (tmp_path / "damaged.png").write_bytes(content)
    with pytest.raises(ValueError, match="not a picture that Pillow reads"):
        grey_levels(tmp_path / "damaged.png")


def test_a_file_cut_short_is_no_picture(page, tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.tile(page, (5, 5))).save(file, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(file.getvalue()[:-200])
    with pytest.raises(ValueError, match="not a picture that Pillow reads .*truncated"):
        grey_levels(tmp_path / "cut.jpg")


def test_errors_of_the_file_system_pass(tmp_path):
    with pytest.raises(FileNotFoundError):
        grey_levels(tmp_path / "missing.png")
    with pytest.raises(IsADirectoryError):
        grey_levels(tmp_path)
