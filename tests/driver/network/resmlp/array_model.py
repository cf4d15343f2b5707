"""What an array does with its parameters, clock by clock, in NumPy: written beside the hardware, not from it.

Every memory access has a clock. It is an AssertionError if a code is read that is not written yet or that
belongs to another pass, or if the results of two tiles leave at the same time.
"""

import numpy as np

WRITE_LATENCY = 40  # clocks from a tile's last step to the first write of its results
STREAM_LATENCY = 29  # the same for the residual stream
READ_LATENCY = 12  # clocks by which the residual stream is read before it is written


def signed(codes, bits):
    return ((codes & (1 << bits) - 1) ^ (1 << bits - 1)) - (1 << bits - 1)


def clipped(values, bits):
    return np.clip(values, -(1 << bits - 1), (1 << bits - 1) - 1)


class ArrayModel:
    """The array after a LOAD of ``words``."""

    def __init__(self, words, fmt):
        self.fmt, at, self.memories = fmt, 0, {}
        for section in fmt.sections:
            lanes = words[at : at + section.words].astype(np.int64).reshape(section.lanes, section.depth)
            self.memories[section.name] = lanes.T
            at += section.words
        assert at == len(words)
        self.rows = 2 * fmt.row_pairs
        self.passes = [self._descriptor(row) for row in self.memories["passes"]]
        self.passes = self.passes[: 1 + [item["is_last"] for item in self.passes].index(1)]
        bits = (self.memories["weights"][:, :, None] >> np.arange(32) & 1).reshape(fmt.weight_words, -1)
        bits = bits[:, : self.rows * fmt.weight_bits].reshape(fmt.weight_words, self.rows, fmt.weight_bits)
        fields = signed((bits << np.arange(fmt.weight_bits)).sum(axis=2), fmt.weight_bits)
        # The factor of a multiplier: the second weight is above the fields of the first.
        self.field = fmt.weight_bits + fmt.code_bits - 1
        above = self.field * fmt.products // 2
        self.weights = (fields[:, 1::2] << above) + (fields[:, 0::2] & (1 << above) - 1)

    def _descriptor(self, row):
        number, item = sum(int(word) << 32 * lane for lane, word in enumerate(row)), {}
        for name, width in self.fmt.descriptor:
            item[name] = number & (1 << width) - 1
            number >>= width
        return item

    def run(self, codes):
        """(tokens, values) codes -> for each pass the outputs of its steps, then the mean and the logits."""
        fmt = self.fmt
        self.codes, self.written = np.zeros((16, 2048), np.int64), np.zeros((16, 2048), np.int64)
        self.owner = np.full((16, 2048), -2)  # the pass that wrote the code, -1 for pixels
        self.stream, self.stream_written = np.zeros((128, 64), np.int64), np.full((128, 64), -(10**6))
        token, channel = np.indices(codes.shape)
        place = self._code_place(0, token, channel)
        self.codes[place], self.owner[place] = codes, -1
        self.sums, clock, finished = np.zeros(256, np.int64), 0, -64
        outputs = []
        for number, item in enumerate(self.passes):
            clock += item["wait"]
            row_channels = self.rows * (1 + item["last_row_group"])
            channels = 16 * (1 + item["last_column_group"]) if item["over_tokens"] else row_channels
            steps = ("matrix", "affine", "stream", "code")
            outputs.append({name: np.zeros((fmt.tokens, channels), np.int64) for name in steps})
            for row, column in self._tiles(item):
                sums = self._tile(item, number, clock, row, column)
                assert clock + item["last_step"] >= finished + 64, "results of two tiles overlap"
                finished = clock + item["last_step"]
                self._post(item, number, finished, row, column, sums, outputs[-1])
                clock += item["last_but_one"] + 2
        return outputs, *self._head()

    @staticmethod
    def _tiles(item):
        rows, columns = range(item["last_row_group"] + 1), range(item["last_column_group"] + 1)
        if item["columns_outer"]:
            return [(row, column) for column in columns for row in rows]
        return [(row, column) for row in rows for column in columns]

    @staticmethod
    def _code_place(slot, token, channel):
        return (token ^ channel) & 15, (slot + (channel >> 4)) << 6 | token >> 4 << 4 | channel & 15

    def _tile(self, item, number, clock, row, column):
        """The sums of a tile: (columns of a multiplier, row pair, field)."""
        step = np.arange(item["last_step"] + 1)
        lanes = 16 * column + np.arange(16)[:, None]
        place = self._code_place(item["in_slot"], *((step, lanes) if item["over_tokens"] else (lanes, step)))
        assert (self.owner[place] == number - 1).all(), "a code of another pass is read"
        assert (self.written[place] <= clock + step).all(), "a code is read before it is written"
        x = self.codes[place]
        bits, count = self.field, self.fmt.products
        operand = x if count == 2 else (x[1::2] - (x[0::2] < 0) << bits) + (x[0::2] & (1 << bits) - 1)
        weights = self.weights[item["weights"] + row * len(step) + step]
        for factors, width in ((weights, 25), (operand, 18)):
            assert (signed(factors, width) == factors).all(), "a factor is too wide for a multiplier"
        products = np.einsum("ko,tk->kto", weights, operand)
        products += sum(1 << bits * field + bits - 1 for field in range(count))
        fields = [products >> bits * field & (1 << bits) - 1 for field in range(count - 1)]
        fields = np.stack([*fields, products >> bits * (count - 1)], axis=-1)
        assert fields.min() >= 0 and fields.max() < 1 << bits, "a product does not fit its field"
        return fields.sum(axis=0)

    def _post(self, item, number, finished, row, column, sums, outputs):
        pairs, width = self.rows // 2, self.fmt.products // 2  # columns of a multiplier
        columns, rows = np.indices((16 // width, pairs))
        clock = finished + pairs * columns + rows
        over_tokens = item["over_tokens"]
        rows = pairs * row + rows  # of all pairs
        pair = 16 // width * column + columns if over_tokens else rows
        for i in range(2):
            for j in range(width):
                place = rows + rows // 8 * 8 + 8 * i, 16 * column + width * columns + j
                token, channel = place if over_tokens else place[::-1]
                word = self.memories["requant"][item["requant"] + rows, 0] >> 12 * i
                total = sums[:, :, width * i + j] - (item["last_step"] + 1 << self.field - 1) << 15 - (
                    word & 15
                )
                y = clipped(total + (signed(word >> 4, 8) << 16) + 2**15 >> 16, 8)
                y = np.maximum(y, 0) if item["relu"] else y
                lane = j if over_tokens and width == 2 else i
                affine = clipped(self._product("affine", item, pair, lane, y), 8)
                at = channel & 127, token
                last = self.stream_written[at]
                assert not item["has_add"] or (last < clock + STREAM_LATENCY - READ_LATENCY).all()
                added = clipped(self._product("add", item, pair, lane, self.stream[at]), 8)
                x = clipped(affine + added, 8)
                if item["writes_stream"]:
                    self.stream[at], self.stream_written[at] = x, clock + STREAM_LATENCY
                if item["is_last"]:
                    np.add.at(self.sums, channel, x)
                code = clipped(self._function(item, pair, lane, channel, x), self.fmt.code_bits)
                if item["writes_codes"]:
                    place = self._code_place(item["out_slot"], token, channel)
                    self.codes[place], self.owner[place] = code, number
                    self.written[place] = clock + WRITE_LATENCY
                for name, values in zip(outputs, (y, affine, x, code)):
                    outputs[name][token, channel] = values

    def _product(self, name, item, pair, lane, x):
        word = self.memories[name][item[name] + pair if item[f"has_{name}"] else 0 * pair, lane]
        return signed(word, 24) * x + (signed(word >> 24, 8) << 16) + 2**15 >> 16

    def _function(self, item, pair, lane, channel, x):
        if not item["has_table"]:
            return self._product("function", item, pair, lane, x)
        k = item["table_shift"] + 2
        m, part = (x + 128) >> k, (x + 128) % (1 << k)
        part[m == (256 >> k) - 1] = 0
        width = self.fmt.products // 2  # channels of a slot
        parity = (channel >> 3 ^ channel) & width - 1
        slot = 32 * (item["table_slot"] + channel // width)
        even, odd = (
            signed(self.memories["tables"][slot + at % 32, 0] >> 16 * parity + 8 * lane, self.fmt.code_bits)
            for lane, at in enumerate([(m + 1) // 2, m // 2])
        )
        low, high = np.where(m % 2, odd, even), np.where(m % 2, even, odd)
        return low + ((high - low) * part + (1 << k - 1) >> k)

    def _head(self):
        _, shift, channels, _ = self.memories["fields"][:, 0]
        mean = clipped(self.sums[: channels + 1] + (1 << shift) >> shift + 1, self.fmt.code_bits)
        weights = self.memories["classifier_weights"].reshape(16, -1)[:10, : channels + 1]
        sums = signed(weights, self.fmt.weight_bits) @ mean
        words = self.memories["classifier_bias"][:10, 0]
        shifts = words >> 26
        rounded = sums + (1 << shifts >> 1) >> shifts
        return mean, rounded + signed(words, 26)
