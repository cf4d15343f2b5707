#pragma once
#include <cstdint>

// xorshift64*: good enough for stalls and random content, with one multiplication per draw.
class RandomSource {
public:
    explicit RandomSource(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0x1234567ull) {
        if (!state_) state_ = 1;
        for (int i = 0; i < 8; ++i) draw();
    }
    uint64_t draw() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545F4914F6CDD1Dull;
    }
    uint64_t below(uint64_t limit) { return limit ? (draw() >> 11) % limit : 0; }

private:
    uint64_t state_;
};
