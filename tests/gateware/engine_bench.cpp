// The verilated engine behind a flat C interface: streams with any pattern of stalls, flushes, cycle counts.
#include <cstdint>
#include "Vengine.h"
#include "verilated.h"

namespace {
struct Bench {
    VerilatedContext context;
    Vengine top{&context};
    uint64_t cycles = 0;
    void clock() {
        top.sys_clk = 0; top.eval();
        top.sys_clk = 1; top.eval();
        ++cycles;
    }
};
}  // namespace

extern "C" {
Bench* bench_create(int seed) {
    Verilated::randReset(2);
    Verilated::randSeed(seed);
    auto* bench = new Bench;
    bench->context.randReset(2);
    bench->context.randSeed(seed);
    auto& t = bench->top;
    t.sys_rst = 1; t.flush = 0; t.start = 0; t.abandon = 0; t.parameters_valid = 0; t.pixels_valid = 0; t.results_ready = 0;
    for (int i = 0; i < 4; ++i) bench->clock();
    t.sys_rst = 0;
    bench->clock();
    return bench;
}
void bench_destroy(Bench* bench) { delete bench; }
uint64_t bench_cycles(Bench* bench) { return bench->cycles; }

// Feeds n words; a word is withheld where the cyclic pattern has a 0. Returns loaded | bad << 1; the CRC through *crc.
int bench_load(Bench* bench, const uint32_t* words, int n, const uint8_t* pattern, int pattern_n, uint32_t* crc) {
    auto& t = bench->top;
    t.start = 1; bench->clock(); t.start = 0;
    for (int i = 0, at = 0; i < n;) {
        t.parameters_valid = pattern[at++ % pattern_n];
        t.parameters_word = t.parameters_valid ? words[i] : 0xDEADBEEF;
        i += t.parameters_valid;
        bench->clock();
    }
    t.parameters_valid = 0;
    for (int i = 0; i < 64; ++i) bench->clock();
    *crc = t.crc;
    return t.loaded | t.bad << 1;
}
void bench_abandon(Bench* bench) {
    bench->top.abandon = 1; bench->clock(); bench->top.abandon = 0; bench->clock();
}
void bench_flush(Bench* bench, int cycles) {
    bench->top.flush = 1;
    for (int i = 0; i < cycles; ++i) bench->clock();
    bench->top.flush = 0;
}
// Feeds n pixels and takes up to n_results words, each side under its cyclic pattern; at most limit cycles.
// done_at[i]: the cycle, counted from the call, in which result word i was taken. Returns the words taken.
int bench_run(Bench* bench, const uint8_t* pixels, int n, const uint8_t* in_pattern, int in_n, uint32_t* results,
              uint64_t* done_at, int n_results, const uint8_t* out_pattern, int out_n, uint64_t limit) {
    auto& t = bench->top;
    int fed = 0, taken = 0, in_at = 0, out_at = 0;
    bool offered = false;  // once offered, a pixel stays until accepted
    for (uint64_t cycle = 0; cycle < limit && (taken < n_results || fed < n); ++cycle) {
        if (!offered) offered = fed < n && in_pattern[in_at++ % in_n];
        t.pixels_valid = offered;
        t.pixels_pixel = offered ? pixels[fed] : 0xA5;
        t.results_ready = taken < n_results && out_pattern[out_at++ % out_n];
        t.sys_clk = 0; t.eval();
        if (t.pixels_valid && t.pixels_ready) { ++fed; offered = false; }
        if (t.results_valid && t.results_ready) {
            bool is_class = taken % 11 == 10;
            if (bool(t.results_last) != is_class) return -1 - taken;
            done_at[taken] = cycle;
            results[taken++] = t.results_word;
        }
        t.sys_clk = 1; t.eval();
        ++bench->cycles;
    }
    t.pixels_valid = 0; t.results_ready = 0;
    return taken;
}
}
