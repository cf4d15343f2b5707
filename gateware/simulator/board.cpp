// The C interface of the shared library: one handle is one configured board. Its only caller is
// lst_overlay/simulator/library.py.
#include <memory>
#include <string>

#include "Vsimulated_board.h"
#include "gp_port.h"
#include "hp_port.h"
#include "memory.h"
#include "rules.h"
#include "verilated.h"

namespace {

constexpr int hp_ports = 4;
constexpr int reset_cycles = 16;    // FCLK_RESET0_N stays low this long after configuration
constexpr int settle_cycles = 100;  // from the end of reset to the first access of software

enum AccessStatus { DONE = 0, NO_ANSWER = 1, TIMED_OUT = 2 };

class Board {
public:
    explicit Board(const Parameters& given)
        : parameters(given), random(given.seed), memory(parameters, random), rules(cycle) {
        context.randReset(2);  // registers and memories without an initial value power up random
        context.randSeed(int(random.draw() & 0x3FFFFFFF) | 1);
        pins = std::make_unique<Vsimulated_board>(&context, "");
        gp = std::make_unique<GpPort>(*pins, rules, random, parameters);
        for (int i = 0; i < hp_ports; ++i)
            hp[i] = std::make_unique<HpPort>(*pins, i, memory, rules, random, parameters, cycle);
        silence();
        pins->fclk_resetn = 1;  // one falling edge, so that asynchronous resets are seen
        pins->clk = 0;
        pins->eval();
        pins->fclk_resetn = 0;
        pins->eval();
        find_clocked_ports();
        for (int i = 0; i < reset_cycles; ++i) edge();
        set_reset(false);
        run(settle_cycles);
    }
    ~Board() { pins->final(); }

    void step() {
        const bool in_reset = !pins->fclk_resetn;
        memory.advance();
        if (gp_clocked) gp->step(in_reset);
        uint64_t bits = 0;
        for (int i = 0; i < clocked_count; ++i) {
            if (i % 2 == 0) bits = random.draw();
            else bits >>= 32;
            // The first port to be asked gets the bandwidth, so another port is the first in each cycle.
            HpPort& port = *hp[clocked[(i + cycle) % clocked_count]];
            port.step(bits, in_reset);
        }
        edge();
    }
    void run(uint64_t cycles) {
        while (cycles--) step();
    }
    // Wait until the access that was started has ended, then for the CPU's `gap_ps` between accesses.
    AccessStatus finish(uint64_t gap_ps) {
        uint64_t waited = 0;
        while (!gp->idle()) {
            if (++waited > parameters.cpu_timeout_cycles) {
                gp->abandon();
                return NO_ANSWER;
            }
            step();
        }
        run(gap_ps / parameters.period_ps);
        return DONE;
    }
    void set_reset(bool asserted) {
        pins->fclk_resetn = !asserted;
        pins->eval();
    }

    Parameters parameters;
    uint64_t cycle = 0;
    RandomSource random;
    Memory memory;
    Rules rules;
    VerilatedContext context;
    std::unique_ptr<Vsimulated_board> pins;
    std::unique_ptr<GpPort> gp;
    std::unique_ptr<HpPort> hp[hp_ports];
    bool gp_clocked = false;

private:
    void edge() {
        pins->clk = 1;
        pins->eval();
        pins->clk = 0;
        pins->eval();
        ++cycle;
    }
    void silence() {
        gp->abandon();
        pins->gp_arburst = pins->gp_awburst = 1;
        pins->gp_arsize = pins->gp_awsize = 2;
        pins->gp_arcache = pins->gp_awcache = 0;
        pins->gp_arlock = pins->gp_awlock = 0;
        pins->gp_arprot = pins->gp_awprot = 0;
        for (int i = 0; i < hp_ports; ++i) {
            pins->hp_arready[i] = pins->hp_awready[i] = pins->hp_wready[i] = 0;
            pins->hp_rvalid[i] = pins->hp_bvalid[i] = 0;
        }
    }
    // A port whose ACLK does not follow FCLK0 is not in use and is not simulated. On a real PS it would never
    // answer.
    void find_clocked_ports() {
        bool high[hp_ports + 1];
        pins->clk = 1;
        pins->eval();
        for (int i = 0; i < hp_ports; ++i) high[i] = pins->hp_aclk[i];
        high[hp_ports] = pins->gp_aclk;
        pins->clk = 0;
        pins->eval();
        for (int i = 0; i < hp_ports; ++i)
            if (high[i] && !pins->hp_aclk[i]) clocked[clocked_count++] = i;
        gp_clocked = high[hp_ports] && !pins->gp_aclk;
    }
    int clocked[hp_ports] = {};
    int clocked_count = 0;
};

Board& board(void* handle) { return *static_cast<Board*>(handle); }

}  // namespace

#define API extern "C" __attribute__((visibility("default")))

API int lst_interface_version() { return 1; }

API void* lst_create(const Parameters* parameters) { return new Board(*parameters); }
API void lst_destroy(void* handle) { delete static_cast<Board*>(handle); }

API void lst_run(void* handle, uint64_t cycles) { board(handle).run(cycles); }
API uint64_t lst_cycle(void* handle) { return board(handle).cycle; }
API void lst_set_period(void* handle, uint64_t picoseconds) {
    board(handle).parameters.period_ps = picoseconds;
}
API void lst_set_reset(void* handle, int asserted) { board(handle).set_reset(asserted); }

API int lst_read(void* handle, uint32_t address, int beats, uint32_t* data) {
    Board& b = board(handle);
    b.gp->start_read(address, beats, data);
    return b.finish(b.parameters.cpu_gap_ps);
}
API int lst_write(void* handle, uint32_t address, int beats, const uint32_t* data, int strobes) {
    Board& b = board(handle);
    b.gp->start_write(address, beats, data, uint8_t(strobes));
    return b.finish(b.parameters.cpu_gap_ps);
}
// Start a read and a write together, as two CPU cores can.
API int lst_read_and_write(void* handle, uint32_t read_at, uint32_t* data, uint32_t write_at,
                           uint32_t value) {
    Board& b = board(handle);
    b.gp->start_read(read_at, 1, data);
    b.gp->start_write(write_at, 1, &value, 0xF);
    return b.finish(b.parameters.cpu_gap_ps);
}
// Read `address` every `gap_ps` until (value & mask) == expected or `cycles` have passed.
API int lst_poll(void* handle, uint32_t address, uint32_t mask, uint32_t expected, uint64_t cycles,
                 uint64_t gap_ps, uint32_t* value) {
    Board& b = board(handle);
    const uint64_t end = b.cycle + cycles;
    for (;;) {
        b.gp->start_read(address, 1, value);
        if (b.finish(0) != DONE) return NO_ANSWER;
        if ((*value & mask) == expected) return DONE;
        if (b.cycle >= end) return TIMED_OUT;
        b.run(gap_ps / b.parameters.period_ps);
    }
}

API int lst_map(void* handle, uint64_t base, uint64_t bytes, uint8_t* data) {
    return board(handle).memory.map(base, bytes, data);
}
API int lst_unmap(void* handle, uint64_t base) { return board(handle).memory.unmap(base); }

API void lst_set_memory_dead(void* handle, int dead) { board(handle).memory.dead = dead; }
API void lst_hold_write_responses(void* handle, int hold) { board(handle).memory.hold_responses = hold; }
API void lst_set_withheld(void* handle, uint64_t per_256) {
    board(handle).parameters.withheld_per_256 = per_256;
}
API void lst_add_faulty_range(void* handle, uint64_t base, uint64_t bytes, int reads, int writes,
                              int decode_error) {
    const Response response = decode_error ? DECERR : SLVERR;
    board(handle).memory.faulty.push_back({base, bytes, bool(reads), bool(writes), response});
}
API void lst_clear_faulty_ranges(void* handle) { board(handle).memory.faulty.clear(); }

API uint64_t lst_violation_count(void* handle) { return board(handle).rules.count(); }
API uint64_t lst_violation_texts(void* handle) { return board(handle).rules.texts().size(); }
API const char* lst_violation_text(void* handle, uint64_t index) {
    return board(handle).rules.texts().at(index).c_str();
}
API void lst_clear_violations(void* handle) { board(handle).rules.clear(); }
API void lst_statistics(void* handle, int port, Statistics* statistics) {
    *statistics = board(handle).hp[port]->statistics;
}
