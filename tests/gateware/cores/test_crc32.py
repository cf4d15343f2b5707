"""Crc32 in Migen's simulator, compared with zlib."""

import random
import struct
import zlib

from gateware.cores.crc32 import Crc32
from tests.gateware.streams import clocks, simulate

WORD_CLOCKS = 3


def zlib_crc(words):
    return zlib.crc32(struct.pack(f"<{len(words)}I", *words))


def give(dut, word, pause=WORD_CLOCKS - 1):
    yield dut.valid.eq(1)
    yield dut.word.eq(word)
    yield
    yield dut.valid.eq(0)
    yield dut.word.eq(~word)
    yield from clocks(pause)


def crcs_of(sequences, pauses=(WORD_CLOCKS - 1,)):
    """Return the CRC of each sequence of words; a clear precedes each."""
    dut, found, draw = Crc32(), [], random.Random(1)

    def process():
        for words in sequences:
            yield dut.clear.eq(1)
            yield
            yield dut.clear.eq(0)
            for word in words:
                yield from give(dut, word, draw.choice(pauses))
            yield from clocks(2)
            found.append((yield dut.crc))

    simulate(dut, process())
    return found


def random_sequences(count):
    draw = random.Random(2)
    return [[draw.getrandbits(32) for _ in range(draw.randrange(6))] for _ in range(count)]


def test_no_word_gives_zero():
    assert crcs_of([[]]) == [0]


def test_crc_of_every_single_bit_and_of_none():
    sequences = [[1 << bit] for bit in range(32)] + [[0], [0, 0], [0xFFFFFFFF]]
    assert crcs_of(sequences) == list(map(zlib_crc, sequences))


def test_crc_is_that_of_zlib_for_words_three_clocks_apart():
    sequences = random_sequences(25)
    assert crcs_of(sequences) == list(map(zlib_crc, sequences))


def test_longer_pauses_change_nothing():
    sequences = random_sequences(25)
    assert crcs_of(sequences, pauses=(2, 3, 7)) == list(map(zlib_crc, sequences))


def test_clear_forgets_the_word_under_way():
    dut, found = Crc32(), []

    def process():
        for age in range(WORD_CLOCKS + 1):
            yield from give(dut, 0x12345678, age)
            yield dut.clear.eq(1)
            yield
            yield dut.clear.eq(0)
            yield from clocks(4)
            found.append((yield dut.crc))

    simulate(dut, process())
    assert found == [0] * (WORD_CLOCKS + 1)


def test_a_word_counts_three_clocks_later():
    dut, seen = Crc32(), []

    def process():
        yield from give(dut, 0x12345678, 0)
        for _ in range(5):
            seen.append((yield dut.crc))
            yield

    simulate(dut, process())
    assert seen == [0] * 3 + [zlib_crc([0x12345678])] * 2
