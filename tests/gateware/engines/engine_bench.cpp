// A C interface to the verilated engine: streams under any pattern of stalls, flushes, cycle counts.
#include <cstdint>
#include "Vengine.h"
#include "verilated.h"

#define API extern "C" __attribute__((visibility("default")))

namespace {
struct Bench {
    VerilatedContext context;
    Vengine* top = nullptr;
    void rise() { top->sys_clk = 1; top->eval(); }
    void fall() { top->sys_clk = 0; top->eval(); }
    void clock(int cycles = 1) {
        for (; cycles > 0; --cycles) { fall(); rise(); }
    }
};
}  // namespace

// State without a reset begins with random values from the seed. On return the engine can accept a pixel.
API Bench* bench_create(int seed) {
    auto* bench = new Bench;
    bench->context.randReset(2);
    bench->context.randSeed(seed);
    bench->top = new Vengine(&bench->context);
    auto& t = *bench->top;
    t.start = t.flush = t.load_start = t.load_abandon = 0;
    t.parameters_valid = t.beats0_valid = t.results_ready = 0;
    t.with_logits = 1;
    t.sys_rst = 1;
    bench->clock(4);
    t.sys_rst = 0;
    bench->clock(4);
    return bench;
}
API void bench_destroy(Bench* bench) {
    delete bench->top;
    delete bench;
}
API void bench_clock(Bench* bench, int cycles) { bench->clock(cycles); }

API void bench_load_start(Bench* bench) {
    bench->top->load_start = 1;
    bench->clock();
    bench->top->load_start = 0;
}
API void bench_load_abandon(Bench* bench) {
    bench->top->load_abandon = 1;
    bench->clock();
    bench->top->load_abandon = 0;
}
// Sends n words; none is offered where the repeated pattern has a 0. Returns the number of clock cycles.
API int bench_load_words(Bench* bench, const uint32_t* words, int n, const uint8_t* pattern, int pattern_n) {
    auto& t = *bench->top;
    int cycles = 0;
    bool offered = false;  // Once offered, a word stays until it is accepted.
    for (int i = 0, at = 0; i < n; ++cycles) {
        if (!offered) offered = pattern[at++ % pattern_n];
        t.parameters_valid = offered;
        t.parameters_data = offered ? words[i] : 0xDEADBEEF;
        bench->fall();
        if (t.parameters_valid && t.parameters_ready) { ++i; offered = false; }
        bench->rise();
    }
    t.parameters_valid = 0;
    return cycles;
}
API int bench_loaded(Bench* bench) { return bench->top->loaded; }
API int bench_bad(Bench* bench) { return bench->top->bad; }
API uint32_t bench_crc(Bench* bench) { return bench->top->crc; }

API void bench_flush(Bench* bench, int cycles) {
    bench->top->flush = 1;
    bench->clock(cycles);
    bench->top->flush = 0;
    bench->clock(4);
}

// Sends n pixels and accepts n_results words, each side under its repeated pattern, in at most limit cycles.
// results[i] has last in bit 32; done_at[i] is the cycle, counted from the call, in which it was accepted.
// counts: pixels sent, results accepted, cycles starved, cycles blocked, words that changed while they
// waited.
API void bench_run(Bench* bench, const uint8_t* pixels, int n, const uint8_t* in_pattern, int in_n,
                   uint64_t* results, uint64_t* done_at, int n_results, const uint8_t* out_pattern, int out_n,
                   uint64_t limit, int64_t* counts) {
    auto& t = *bench->top;
    int64_t fed = 0, taken = 0, starved = 0, blocked = 0, changed = 0;
    int in_at = 0, out_at = 0;
    bool offered = false, waited = false;
    uint64_t waiting = 0;
    for (uint64_t cycle = 0; cycle < limit && (taken < n_results || fed < n); ++cycle) {
        if (!offered) offered = fed < n && in_pattern[in_at++ % in_n];
        t.beats0_valid = offered;
        t.beats0_data = offered ? pixels[fed] : 0xA5;
        t.results_ready = taken < n_results && out_pattern[out_at++ % out_n];
        bench->fall();
        const uint64_t result = uint64_t(t.results_last) << 32 | t.results_data;
        changed += waited && (!t.results_valid || result != waiting);
        waited = t.results_valid && !t.results_ready;
        waiting = result;
        starved += t.starved;
        blocked += t.blocked;
        if (t.beats0_valid && t.beats0_ready) { ++fed; offered = false; }
        if (t.results_valid && t.results_ready) {
            done_at[taken] = cycle;
            results[taken++] = result;
        }
        bench->rise();
    }
    t.beats0_valid = 0;
    t.results_ready = 0;
    counts[0] = fed; counts[1] = taken; counts[2] = starved; counts[3] = blocked; counts[4] = changed;
}
