"""`python -m datasets pack`: pictures and IDX files as one file of own data."""

import gzip
import re
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from datasets import load_own
from datasets.__main__ import main
from datasets.own import SPLIT
from lst_overlay.samples.thing import image_of
from tests.datasets.test_mnist import idx

SHAPES = ("bar", "ring")


def draw(shape, number):
    """A picture of 40 x 60 pixels, dark on light or light on dark."""
    ground, ink = (240, 20) if number % 2 else (10, 200)
    picture = Image.new("L", (60, 40), ground)
    place = (10 + number, 5, 35 + number, 30)
    if shape == "bar":
        ImageDraw.Draw(picture).line(place, ink, 5)
    else:
        ImageDraw.Draw(picture).ellipse(place, outline=ink, width=4)
    return picture


@pytest.fixture
def folder(tmp_path):
    """A folder with ten pictures of each shape, and what a Macintosh leaves."""
    for shape in SHAPES:
        (tmp_path / "pictures" / shape).mkdir(parents=True)
        for number in range(10):
            draw(shape, number).save(tmp_path / "pictures" / shape / f"{number}.png")
    (tmp_path / "pictures" / "__MACOSX").mkdir()
    (tmp_path / "pictures" / "bar" / ".DS_Store").touch()
    return tmp_path / "pictures"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "my.npz"


def pack(folder, out, *options):
    return main(["pack", str(folder), "--out", str(out), *options])


def test_a_folder_is_a_class_and_its_name_the_classes(folder, out, capsys):
    assert pack(folder, out) == 0
    data = load_own(out)
    assert data.names == SHAPES and np.bincount(data.labels).tolist() == [10, 10]
    shown = f"{out}: 20 images of bar, ring; 14 for train, 2 for validation, 4 for test\n"
    assert capsys.readouterr() == (shown, "")


def test_pictures_are_converted_as_those_that_are_classified_later(folder, out):
    pack(folder, out)
    packed = {image.tobytes() for image in load_own(out).images}
    assert packed == {image_of(path).tobytes() for path in folder.rglob("*.png")}


def test_pictures_become_images_of_the_side_that_is_named(folder, out):
    assert pack(folder, out, "--side", "24") == 0
    packed = {image.tobytes() for image in load_own(out).images}
    assert packed == {image_of(path, (24, 24)).tobytes() for path in folder.rglob("*.png")}


@pytest.mark.parametrize("side", ["7", "33"])
def test_a_side_that_no_network_takes_is_a_usage_error(folder, out, side, capsys):
    with pytest.raises(SystemExit, match="2"):
        pack(folder, out, "--side", side)
    assert f"--side must be 8 to 32 pixels, not {side}" in capsys.readouterr().err


def test_wrong_pictures_are_named_and_the_others_packed(folder, out, capsys):
    (folder / "bar" / "notes.txt").write_text("not a picture")
    Image.new("L", (30, 30), 99).save(folder / "ring" / "blank.png")
    cut_off = folder / "ring" / "3.png"
    cut_off.write_bytes(cut_off.read_bytes()[:60])
    (folder / "ring" / "more").mkdir()
    assert pack(folder, out) == 1
    assert len(load_own(out).labels) == 19
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    for line, name in zip(lines, ("bar/notes.txt", "ring/3.png", "ring/blank.png", "ring/more")):
        assert line.startswith("left out: ") and str(folder / name) in line


def test_folders_train_and_test_are_the_split(folder, out):
    for part, numbers in (("train", range(7)), ("validation", (7,)), ("test", (8, 9))):
        for shape in SHAPES:
            (folder / part / shape).mkdir(parents=True)
            for number in numbers:
                (folder / shape / f"{number}.png").rename(folder / part / shape / f"{number}.png")
    for shape in SHAPES:
        shutil.rmtree(folder / shape)
    assert pack(folder, out) == 0
    data = load_own(out)
    assert data.names == SHAPES
    assert {image.tobytes() for image in data.part("test").images} == {
        image_of(path).tobytes() for path in (folder / "test").rglob("*.png")
    }
    assert [np.bincount(data.part(part).labels).tolist() for part in SPLIT] == [[7, 7], [1, 1], [2, 2]]


def test_classes_may_be_called_train_and_test(folder, out):
    for shape, name in zip(SHAPES, ("train", "bus")):
        (folder / shape).rename(folder / name)
    assert pack(folder, out) == 0 and load_own(out).names == ("bus", "train")


def test_a_class_with_no_good_picture_is_one_error_and_no_file(folder, out, capsys):
    for path in (folder / "ring").iterdir():
        path.write_text("not a picture")
    assert pack(folder, out) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11 and lines[-1].startswith(f"error: {folder}: class 'ring' has 0 images")
    assert not out.exists()


def test_a_folder_of_one_class_says_what_is_needed(folder, out, capsys):
    assert pack(folder / "bar", out) == 1
    assert "bar: must hold 2 to 32 folders of pictures, one for each class" in capsys.readouterr().err
    assert pack(folder / "nowhere", out) == 1
    assert capsys.readouterr().err == f"error: {folder}/nowhere: no folder\n"


@pytest.fixture
def files(tmp_path):
    """The four IDX files of a small data set, compressed, with dots in their names."""
    random = np.random.default_rng(0)
    content = {}
    for part, count in (("train", 40), ("t10k", 12)):
        content[f"{part}-images.idx3-ubyte"] = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        content[f"{part}-labels.idx1-ubyte"] = np.arange(count, dtype=np.uint8) % 4
    for name, array in content.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    return tmp_path, content


def test_idx_files_keep_their_images_and_their_test_part(files, out):
    directory, content = files
    assert pack(directory, out) == 0
    data = load_own(out)
    np.testing.assert_array_equal(data.part("test").images, content["t10k-images.idx3-ubyte"])
    np.testing.assert_array_equal(data.part("test").labels, content["t10k-labels.idx1-ubyte"])
    np.testing.assert_array_equal(
        data.images, np.concatenate([content["train-images.idx3-ubyte"], content["t10k-images.idx3-ubyte"]])
    )
    assert data.names == ("0", "1", "2", "3") and len(data.part("validation").labels) == 4


def test_idx_files_take_their_names_from_the_command(files, out, folder, capsys):
    assert pack(files[0], out, "--names", "o,ki,su,tsu") == 0
    assert load_own(out).names == ("o", "ki", "su", "tsu")
    assert pack(folder, out, "--names", "o,ki") == 1
    assert "its folders name the classes; leave out --names" in capsys.readouterr().err


def test_images_in_idx_files_keep_their_size(files, out, capsys):
    assert pack(files[0], out, "--side", "24") == 1
    assert "images in IDX files keep their size; leave out --side" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("train-labels.idx1-ubyte.gz", None, "lacks train-labels-idx1-ubyte of the four IDX files"),
        ("train-labels.idx1-ubyte.gz", b"\x1f\x8b", "train-labels.idx1-ubyte.gz: damaged"),
        ("train-labels.idx1-ubyte", b"\0\0\x08\x01\0\0\0\x02a", "must have 10 bytes, not 9"),
        ("train-labels.idx1-ubyte", b"\0\0\x08\x01\0\0\0\x02ab", r"labels must be \(52,\) integers"),
        ("train-labels.idx1-ubyte", b"\0\0\x0b\x01\0\0\0\x01ab", "unsigned bytes, type 0x08, not 0x0B"),
        ("train-labels.idx1-ubyte", b"\0\0\x08\x01\0", "ends within its sizes"),
        ("train-labels.idx1-ubyte", b"label", "does not begin with two zeros"),
        (
            "train-images.idx3-ubyte",
            idx(np.zeros((40, 32, 32), np.uint8)),
            r"must have one shape, not \(32, 32\)",
        ),
    ],
)
def test_wrong_idx_files_are_one_line(files, out, capsys, name, content, message):
    directory, _ = files
    if content is None:
        (directory / name).unlink()
    else:
        (directory / name).write_bytes(content)
    assert pack(directory, out) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ") and shown.count("\n") == 1
    assert re.search(message, shown), shown


def test_the_file_must_be_called_npz(folder, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        pack(folder, tmp_path / "my.zip")
    assert "--out must end in .npz" in capsys.readouterr().err


def test_a_folder_that_is_missing_is_named_before_anything_is_read(folder, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        pack(folder, tmp_path / "nowhere" / "my.npz")
    assert f"--out: there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_whole_leaves_the_earlier_one(folder, out, monkeypatch, capsys):
    assert pack(folder, out) == 0
    earlier = out.read_bytes()
    (folder / "bar" / "1.png").unlink()

    def full(self, content):
        self.open("wb").close()
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert pack(folder, out) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert out.read_bytes() == earlier and [path.name for path in out.parent.glob("*.npz*")] == ["my.npz"]
