"""What is kept by content hash: made once, whatever happens on the way."""

import pytest

from gateware.kept import content_hash, make_once


def test_a_file_is_made_once(tmp_path):
    calls = []

    def make(work):
        calls.append(work)
        (work / "answer").write_text("42")

    for _ in range(2):
        assert make_once(tmp_path / "kept" / "answer", make).read_text() == "42"
    assert len(calls) == 1 and not calls[0].exists()


def test_what_fails_leaves_nothing_and_is_tried_again(tmp_path):
    def fail(work):
        (work / "answer").write_text("4")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        make_once(tmp_path / "answer", fail)
    assert not (tmp_path / "answer").exists()
    make_once(tmp_path / "answer", lambda work: (work / "answer").write_text("42"))
    assert (tmp_path / "answer").read_text() == "42"


def test_the_hash_tells_every_part_and_where_it_ends():
    texts = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("ab", b"d")]
    assert len({content_hash(*parts) for parts in texts}) == len(texts)
    assert content_hash("ab", "c") == content_hash(b"ab", "c")
