// A C interface to the verilated engine with its probes: what each step of a pass computes, and a record of which
// codes are in the memory, by which every read is checked.
#include <cstdint>
#include <deque>
#include <set>
#include "Vengine.h"
#include "verilated.h"

#define API extern "C" __attribute__((visibility("default")))

namespace {
constexpr int SLOTS = 32, TOKENS = 64, CHANNELS = 16, STEPS = 5, FIELDS = 7;

struct Code { int slot, token, channel; };

// A code written in clock w can be read by a step of clock w + 2.
struct Record {
    bool fresh[SLOTS][TOKENS][CHANNELS] = {};
    std::deque<std::pair<uint64_t, Code>> written;
    std::set<int> slots;  // read by the present pass
    uint64_t early = 0;
    void write(uint64_t clock, int slot, int token, int channel) {
        written.push_back({clock, {slot & (SLOTS - 1), token, channel}});
    }
    void read(int slot, int token, int channel) {
        slots.insert(slot);
        early += !fresh[slot][token][channel];
    }
    void advance(uint64_t clock) {
        for (; !written.empty() && written.front().first + 2 <= clock; written.pop_front()) {
            const Code& code = written.front().second;
            fresh[code.slot][code.token][code.channel] = true;
        }
    }
    void end_of_pass() {  // What it has read is not read again.
        for (int slot : slots)
            for (auto& token : fresh[slot])
                for (bool& flag : token) flag = false;
        slots.clear();
    }
};

struct Bench {
    VerilatedContext context;
    Vengine* top = nullptr;
    Record record;
    int next_column;  // from the columns of a multiplier's first results to those of its last
    uint64_t cycle = 0;
    void rise() { top->sys_clk = 1; top->eval(); ++cycle; }
    void fall() { top->sys_clk = 0; top->eval(); }
    void clock(int cycles = 1) {
        for (; cycles > 0; --cycles) { fall(); rise(); }
    }
    void check_codes();
};

void Bench::check_codes() {
    auto& t = *top;
    record.advance(cycle);
    if (t.reads)
        for (int n = 0; n < 16; ++n)
            if (t.step_over_tokens) record.read(t.step_slot, 16 * t.step_group + t.step_low, n);
            else record.read(t.step_slot, 16 * t.step_group + n, t.step_low);
    if (t.pass_ends) record.end_of_pass();
    if (t.code_valid)
        for (int a = 0; a < 2; ++a)
            for (int b = 0; b < 2; ++b)
                record.write(cycle, t.code_slot, t.code_token + b * (t.code_over_tokens ? 8 : next_column),
                             t.code_channel + a * (t.code_over_tokens ? next_column : 8));
    if (t.pixel_valid && t.pixel_ready) record.write(cycle, t.pixel_slot, t.pixel_token, t.pixel_channel);
}
}  // namespace

API Bench* bench_create(int seed, int next_column) {
    auto* bench = new Bench;
    bench->context.randReset(2);
    bench->context.randSeed(seed);
    bench->top = new Vengine(&bench->context);
    bench->next_column = next_column;
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
API void bench_flush(Bench* bench, int cycles) {
    bench->top->flush = 1;
    bench->clock(cycles);
    bench->top->flush = 0;
    bench->clock(4);
    bench->record = Record();
}
// Returns loaded | bad << 1.
API int bench_load(Bench* bench, const uint64_t* beats, int n) {
    auto& t = *bench->top;
    t.load_start = 1;
    bench->clock();
    t.load_start = 0;
    for (int i = 0; i < n;) {
        t.parameters_valid = 1;
        t.parameters_data = beats[i];
        bench->fall();
        if (t.parameters_ready) ++i;
        bench->rise();
    }
    t.parameters_valid = 0;
    bench->clock(40);
    return t.loaded | t.bad << 1;
}
API uint32_t bench_crc(Bench* bench) { return bench->top->crc; }

// Sends n beats and accepts n_results words, each side under its repeated pattern, in at most limit cycles.
// results[i] has last in bit 32; done_at[i] is the cycle, from the call on, in which it was accepted.
// probes[step][i]: over_tokens, token, channel, and four values, for at most n_probes results of each step.
// counts: results of each step; words accepted; cycles starved, cycles blocked; reads of codes that were not
// there, tiles that overlapped, codes that collided.
API void bench_run(Bench* bench, const uint64_t* beats, int n, const uint8_t* in_pattern, int in_n,
                   uint64_t* results, uint64_t* done_at, int n_results, const uint8_t* out_pattern, int out_n,
                   uint64_t limit, int32_t* probes, int n_probes, int64_t* counts) {
    auto& t = *bench->top;
    int64_t fed = 0, taken = 0, overlaps = 0, collisions = 0, starved = 0, blocked = 0;
    int in_at = 0, out_at = 0;
    bool offered = false;
    const uint64_t begin = bench->cycle, early = bench->record.early;
    while (bench->cycle - begin < limit && taken < n_results) {
        if (!offered) offered = fed < n && in_pattern[in_at++ % in_n];
        t.beats0_valid = offered;
        t.beats0_data = offered ? beats[fed] : 0xA5A5A5A5A5A5A5A5;
        t.results_ready = out_pattern[out_at++ % out_n];
        bench->fall();
        bench->check_codes();
        if (t.beats0_valid && t.beats0_ready) { ++fed; offered = false; }
        if (t.results_valid && t.results_ready) {
            done_at[taken] = bench->cycle - begin;
            results[taken++] = uint64_t(t.results_last) << 32 | t.results_data;
        }
        overlaps += t.overlap;
        collisions += t.collision;
        starved += t.starved;
        blocked += t.blocked;
#define PROBE(step, name)                                                                   \
    if (t.name##_valid && counts[step] < n_probes) {                                        \
        int32_t* row = probes + (int64_t(step) * n_probes + counts[step]++) * FIELDS;       \
        row[0] = t.name##_over_tokens; row[1] = t.name##_token; row[2] = t.name##_channel;  \
        row[3] = t.name##_value00; row[4] = t.name##_value01;                               \
        row[5] = t.name##_value10; row[6] = t.name##_value11;                               \
    }
        PROBE(0, probe_matrix)
        PROBE(1, probe_affine)
        PROBE(2, probe_stream)
        PROBE(3, probe_code)
        if (t.probe_mean_valid && counts[4] < n_probes)
            probes[(int64_t(4) * n_probes + counts[4]++) * FIELDS + 3] = t.probe_mean_value;
        bench->rise();
    }
    t.beats0_valid = 0;
    t.results_ready = 0;
    counts += STEPS;
    counts[0] = taken; counts[1] = starved; counts[2] = blocked;
    counts[3] = bench->record.early - early; counts[4] = overlaps; counts[5] = collisions;
}
