"""The MNIST loader on small files of our own with their own checksums; nothing is fetched from outside."""

import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np
import pytest

from datasets import DatasetError, mnist
from tests.images import test_images


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)
FILES = {name: idx(IMAGES if "images" in name else LABELS) for name in mnist.SHA256}
NAME = "t10k-images-idx3-ubyte"


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    monkeypatch.setattr(
        mnist, "SHA256", {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    )
    monkeypatch.delenv("LST_DATA_DIR", raising=False)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def mirror(tmp_path):
    """A directory that is served, and its address; `mirror.requests` lists what was asked for."""
    served = tmp_path / "served"
    served.mkdir()
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=served)

        def log_message(self, *args):
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.directory, server.url, server.requests = (
        served,
        f"http://127.0.0.1:{server.server_port}/",
        requests,
    )
    yield server
    server.shutdown()
    server.server_close()


def write(directory, packed, separator="-"):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        name = name.replace("-idx", f"{separator}idx")
        (directory / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)


def assert_loaded(found):
    np.testing.assert_array_equal(found.images, IMAGES)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.images.dtype == np.uint8 and found.labels.dtype == np.int64


@pytest.mark.parametrize("layout", ["mnist", "MNIST/raw", ""])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("part", ["train", "test"])
def test_lst_data_dir_is_read_in_every_layout(tmp_path, monkeypatch, cache, layout, packed, part):
    write(tmp_path / layout, packed)
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    assert_loaded(mnist.load_mnist(part, mirrors=(), cache=cache))


@pytest.mark.parametrize("packed", [False, True])
def test_archives_that_write_a_dot_for_a_hyphen_are_read(tmp_path, monkeypatch, cache, packed):
    write(tmp_path / "mnist", packed, separator=".")
    assert (tmp_path / "mnist" / ("train-images.idx3-ubyte" + ".gz" * packed)).is_file()
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    assert mnist.mnist_is_here(cache)
    assert_loaded(mnist.load_mnist("test", mirrors=(), cache=cache))


def test_the_cache_is_read_without_the_network(cache):
    write(cache, packed=False)
    assert mnist.mnist_is_here(cache)
    assert_loaded(mnist.load_mnist("test", mirrors=(), cache=cache))


def test_a_download_is_kept_unpacked_and_not_repeated(mirror, cache):
    write(mirror.directory, packed=True)
    assert not mnist.mnist_is_here(cache)
    assert_loaded(mnist.load_mnist("test", mirrors=(mirror.url,), cache=cache))
    asked = len(mirror.requests)
    assert_loaded(mnist.load_mnist("test", mirrors=(mirror.url,), cache=cache))
    assert len(mirror.requests) == asked == 2
    assert (cache / NAME).read_bytes() == FILES[NAME]


def test_the_next_mirror_is_asked_when_one_fails(mirror, cache):
    write(mirror.directory, packed=True)
    assert_loaded(mnist.load_mnist("test", mirrors=(mirror.url + "gone/", mirror.url), cache=cache))


@pytest.mark.parametrize(
    "content", [b"not gzip", gzip.compress(FILES[NAME])[:-40], gzip.compress(FILES[NAME] + b"x"), b""]
)
def test_a_damaged_download_is_not_kept(mirror, cache, content):
    write(mirror.directory, packed=True)
    (mirror.directory / f"{NAME}.gz").write_bytes(content)
    with pytest.raises(DatasetError, match=NAME):
        mnist.load_mnist("test", mirrors=(mirror.url,), cache=cache)
    assert not cache.exists()


def test_a_download_needs_no_cache(mirror, tmp_path, capsys):
    write(mirror.directory, packed=True)
    (tmp_path / "file").touch()
    assert_loaded(mnist.load_mnist("test", mirrors=(mirror.url,), cache=tmp_path / "file" / "cache"))
    assert f"{NAME}: not kept for the next time (Not a directory)" in capsys.readouterr().err


def refusal(tmp_path, monkeypatch, cache):
    """The message about the files in LST_DATA_DIR, which is one line."""
    monkeypatch.setenv("LST_DATA_DIR", str(tmp_path))
    with pytest.raises(DatasetError) as error:
        mnist.load_mnist("test", mirrors=(), cache=cache)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "packed, damage",
    [
        (True, lambda data: data[: len(data) // 2] + b"no" + data[len(data) // 2 + 2 :]),
        (True, lambda data: data[:-20]),
        (False, lambda data: data[:-1]),
        (False, lambda data: b"html" + data),
        (False, lambda data: b""),
    ],
    ids=["altered", "cut off, packed", "cut off", "another format", "empty"],
)
def test_a_damaged_file_is_named_in_one_line(tmp_path, monkeypatch, cache, packed, damage):
    write(tmp_path / "mnist", packed)
    path = tmp_path / "mnist" / (NAME + ".gz" * packed)
    path.write_bytes(damage(path.read_bytes()))
    message = refusal(tmp_path, monkeypatch, cache)
    assert message.startswith(f"{path}: damaged (") and message.endswith("delete it or put a good copy there")


@pytest.mark.parametrize("array", [255 - IMAGES, np.repeat(IMAGES, 2, axis=0)])
def test_another_data_set_in_the_place_of_mnist_is_not_called_damaged(tmp_path, monkeypatch, cache, array):
    write(tmp_path / "mnist", packed=False)
    path = tmp_path / "mnist" / NAME
    path.write_bytes(idx(array))
    message = refusal(tmp_path, monkeypatch, cache)
    assert message.startswith(f"{path}: a whole IDX file, but not MNIST's (its sha256 is ")
    assert "such as Fashion-MNIST or KMNIST, is used as your own data (docs/own_data.md)" in message
    assert message.endswith("python -m datasets pack FOLDER --out NAME.npz")
    assert "damaged" not in message


def test_offline_the_error_says_what_to_put_where(cache):
    with pytest.raises(DatasetError) as error:
        mnist.load_mnist("test", mirrors=("http://127.0.0.1:9/",), cache=cache)
    message = str(error.value)
    assert "$LST_DATA_DIR/mnist" in message and str(cache) in message and "\n" not in message
    assert all(name in message for name in FILES)


def test_an_unknown_part_is_refused(cache):
    with pytest.raises(DatasetError, match="part must be one of train, test"):
        mnist.load_mnist("validation", cache=cache)


def test_the_real_test_set_has_10000_images(monkeypatch):
    monkeypatch.undo()  # the real checksums and LST_DATA_DIR
    images, labels = test_images("mnist")
    assert images.shape == (10000, 28, 28) and labels[:5].tolist() == [7, 2, 1, 0, 4]
