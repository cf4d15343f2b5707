// A C interface to the verilated engine: beats in, results out, and what passes the taps of its layers.
#include <cstdint>
#include "Vengine.h"
#include "verilated.h"

#define API extern "C" __attribute__((visibility("default")))

namespace {
struct Bench {
    VerilatedContext context;
    Vengine* top = nullptr;
    uint64_t cycle = 0;
    void rise() { top->sys_clk = 1; top->eval(); ++cycle; }
    void fall() { top->sys_clk = 0; top->eval(); }
    void clock(int cycles = 1) {
        for (; cycles > 0; --cycles) { fall(); rise(); }
    }
};
}  // namespace

API Bench* bench_create(int seed) {
    auto* bench = new Bench;
    bench->context.randReset(2);
    bench->context.randSeed(seed);
    bench->top = new Vengine(&bench->context);
    auto& t = *bench->top;
    t.sys_clk = t.sys_rst = t.start = t.flush = t.beats0_valid = t.results_ready = 0;
    t.with_logits = 1;
    t.sys_rst = 1;
    bench->clock(8);
    t.sys_rst = 0;
    bench->clock(8);
    return bench;
}

API void bench_destroy(Bench* bench) {
    delete bench->top;
    delete bench;
}

API void bench_flush(Bench* bench, int cycles) {
    bench->top->flush = 1;
    bench->clock(cycles);
    bench->top->flush = 0;
    bench->clock(8);
}

// Sends beats and takes results until ``results`` are taken or ``limit`` cycles have passed. A word with its last
// flag in bit 32; done_at: the cycle in which it was taken. taps: rows of (layer's number, token, channel, value).
// counts: words taken, starved clocks, blocked clocks, rows of taps.
API void bench_run(Bench* bench, const uint64_t* beats, int64_t beat_count, const uint8_t* feed, int feed_length,
                   uint64_t* words, uint64_t* done_at, int64_t results, const uint8_t* take, int take_length,
                   uint64_t limit, int32_t* taps, int64_t tap_room, int tap_count, int64_t* counts) {
    auto& t = *bench->top;
    int64_t sent = 0, taken = 0, rows = 0, starved = 0, blocked = 0;
    t.start = 1;
    bench->clock();
    t.start = 0;
    bool held = false;  // a beat that was offered stays
    const uint64_t begin = bench->cycle;
    for (uint64_t n = 0; taken < results && n < limit; ++n) {
        held = sent < beat_count && (held || feed[n % feed_length]);
        t.beats0_valid = held;
        t.beats0_data = held ? beats[sent] : 0xA5A5A5A5A5A5A5A5ull;
        t.results_ready = take[n % take_length];
        bench->fall();
        const bool accepted = t.beats0_valid && t.beats0_ready, result = t.results_valid && t.results_ready;
        if (result) {
            words[taken] = t.results_data | uint64_t(t.results_last) << 32;
            done_at[taken++] = bench->cycle - begin;
        }
        starved += t.starved;
        blocked += t.blocked;
        for (int tap = 0; tap < tap_count; ++tap) {
            const uint32_t word = t.taps[tap];
            if (!(word >> 31) || rows >= tap_room) continue;
            int32_t* row = taps + 4 * rows++;
            row[0] = tap;
            row[1] = word >> 8 & 0x3FF;
            row[2] = word >> 18 & 0x3FF;
            row[3] = int8_t(word);
        }
        bench->rise();
        if (accepted) {
            ++sent;
            held = false;
        }
    }
    t.beats0_valid = t.results_ready = 0;
    counts[0] = taken;
    counts[1] = starved;
    counts[2] = blocked;
    counts[3] = rows;
}
