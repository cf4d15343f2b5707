"""The CIFAR-10 loader on small files of our own with their own checksums; nothing is fetched from outside."""

import hashlib
import io
import os
import tarfile

import numpy as np
import pytest

from datasets import DatasetError, cifar10, load

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], dtype=np.uint8)
COUNTS = {"train": 5, "test": 1}  # files, of two images each; those of the test part come last


def of(part):
    chosen = slice(0, 2 * COUNTS[part]) if part == "train" else slice(8, 10)
    return IMAGES[chosen], LABELS[chosen]


def parts(part):
    images, labels = of(part)
    return [(images[i : i + 2], labels[i : i + 2]) for i in range(0, len(images), 2)]


def binary(images, labels):
    return b"".join(
        bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in zip(images, labels)
    )


def write_npz(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for part, names in cifar10._NPZ.items():
        for name, (images, labels) in zip(names, parts(part)):
            np.savez(directory / name, images=images, labels=labels)


def write_binary(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for part, names in cifar10._BINARY.items():
        for name, content in zip(names, parts(part)):
            (directory / name).write_bytes(binary(*content))


def write_archive(directory):
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(directory / cifar10.ARCHIVE, "w:gz") as tar:
        for part, names in cifar10._BINARY.items():
            for name, content in zip(names, parts(part)):
                data = binary(*content)
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    monkeypatch.setattr(
        cifar10,
        "SHA256",
        {
            part: hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
            for part in COUNTS
            for images, labels in [of(part)]
        },
    )
    monkeypatch.delenv("LST_DATA_DIR", raising=False)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def assert_right(part, found):
    images, labels = of(part)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.images.dtype == np.uint8 and found.labels.dtype == np.int64


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize(
    "write, where",
    [
        (write_npz, "cifar10"),
        (write_binary, "cifar10"),
        (write_binary, "cifar-10-batches-bin"),
        (write_binary, "cifar10/cifar-10-batches-bin"),
        (write_archive, "cifar10"),
        (write_archive, ""),
    ],
)
def test_every_layout_gives_the_same_images_and_is_kept_decoded(
    monkeypatch, tmp_path, cache, part, write, where
):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path / "data"))
    write(tmp_path / "data" / where)
    assert_right(part, cifar10.load_cifar10(part, (), cache))
    monkeypatch.delenv("LST_DATA_DIR")
    assert_right(part, cifar10.load_cifar10(part, (), cache))
    assert [path.name for path in cache.iterdir()] == [f"{part}.npz"]


def test_what_is_here_is_known(monkeypatch, tmp_path, cache):
    assert not cifar10.cifar10_is_here(cache)
    write_archive(cache)
    assert cifar10.cifar10_is_here(cache)


def test_a_download_is_checked_and_kept(tmp_path, cache, monkeypatch):
    write_archive(tmp_path / "served")

    def fetch(self, url, target, _):
        assert url == "http://good/"
        target.write((tmp_path / "served" / cifar10.ARCHIVE).read_bytes())

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", fetch)
    assert_right("test", cifar10.load_cifar10("test", ("http://good/",), cache))
    assert_right("train", cifar10.load_cifar10("train", (), cache))  # from the archive that was kept


@pytest.fixture
def unwritable(tmp_path):
    """A cache in a place where nobody, not even root, can make a directory."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "cache"


def test_a_cache_that_cannot_be_written_is_one_line_and_no_failure(monkeypatch, tmp_path, unwritable, capsys):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write_binary(tmp_path / "cifar10")
    assert_right("test", cifar10.load_cifar10("test", (), unwritable))
    assert capsys.readouterr().err == f"{unwritable}/test.npz: not kept for the next time (Not a directory)\n"


def test_a_download_needs_no_cache(monkeypatch, tmp_path, unwritable, capsys):
    write_archive(tmp_path / "served")

    def fetch(self, url, target, _):
        target.write((tmp_path / "served" / cifar10.ARCHIVE).read_bytes())

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", fetch)
    assert_right("test", cifar10.load_cifar10("test", ("http://good/",), unwritable))
    assert f"{cifar10.ARCHIVE}: not kept" in capsys.readouterr().err


def test_a_cache_that_cannot_be_read_holds_nothing(monkeypatch, tmp_path, cache):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write_binary(tmp_path / "cifar10")
    stat = os.stat

    def refusing(path, **options):
        if str(path).startswith(str(cache)):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refusing)
    assert_right("test", cifar10.load_cifar10("test", (), cache))


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data.replace(b"\3", b"\4")])
def test_a_damaged_copy_in_the_cache_is_made_again(monkeypatch, tmp_path, cache, capsys, damage):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write_binary(tmp_path / "cifar10")
    cifar10.load_cifar10("test", (), cache)
    copy = cache / "test.npz"
    good = copy.read_bytes()
    copy.write_bytes(damage(good))
    assert_right("test", cifar10.load_cifar10("test", (), cache))
    assert copy.read_bytes() == good
    assert capsys.readouterr().err == f"{copy}: damaged, it is made again\n"


def test_a_copy_of_other_images_is_not_taken(monkeypatch, tmp_path, cache):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write_binary(tmp_path / "cifar10")
    images, labels = of("test")
    cache.mkdir()
    np.savez(cache / "test.npz", images=255 - images, labels=labels)
    assert_right("test", cifar10.load_cifar10("test", (), cache))


def test_nothing_anywhere_says_what_to_put_where(cache):
    with pytest.raises(
        DatasetError,
        match=r"neither in LST_DATA_DIR \(not set\) nor in .*; put cifar-10-binary.tar.gz into "
        r"\$LST_DATA_DIR/cifar10",
    ):
        cifar10.load_cifar10("test", (), cache)


def test_a_file_that_is_missing_beside_others_is_named(monkeypatch, tmp_path, cache):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write_npz(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "train_3.npz").unlink()
    with pytest.raises(
        DatasetError, match=rf"neither in LST_DATA_DIR \({tmp_path}/cifar10 lacks train_3.npz\) nor in"
    ):
        cifar10.load_cifar10("train", (), cache)
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(
        DatasetError, match=rf"neither in LST_DATA_DIR \({tmp_path}/nowhere, which is no directory\)"
    ):
        cifar10.load_cifar10("train", (), cache)


@pytest.mark.parametrize(
    "write, name",
    [(write_npz, "test.npz"), (write_binary, "test_batch.bin"), (write_archive, cifar10.ARCHIVE)],
)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-100],
        lambda data: b"",
        lambda data: data[:-1000] + bytes([data[-1000] ^ 1]) + data[-999:],
    ],
    ids=["truncated", "empty", "altered"],
)
def test_a_damaged_file_is_one_clear_error(monkeypatch, tmp_path, cache, write, name, damage):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write(tmp_path / "cifar10")
    path = tmp_path / "cifar10" / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match="damaged.*delete it or put a good copy there") as caught:
        cifar10.load_cifar10("test", (), cache)
    assert "\n" not in str(caught.value) and not cache.exists()


def test_of_the_binary_batches_the_damaged_one_is_named(monkeypatch, tmp_path, cache):
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    write_binary(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "data_batch_2.bin").write_bytes(b"x" * 1000)
    with pytest.raises(
        DatasetError, match=r"data_batch_2.bin: damaged \(1,000 bytes are not a number of records of 3,073\)"
    ):
        cifar10.load_cifar10("train", (), cache)


def test_another_part_than_train_and_test():
    with pytest.raises(DatasetError, match="part must be one of train, test, not 'validation'"):
        load("cifar10", "validation")
