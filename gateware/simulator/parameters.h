// The settings of a simulated board. lst_overlay/simulator/library.py has the same fields in the same order.
#pragma once
#include <cstdint>

struct Parameters {
    uint64_t seed;
    uint64_t period_ps;             // of FCLK0
    // From an accepted address to the first beat, and from the last accepted data to the write response:
    // uniformly distributed between these two; if both are 0, latency_cycles instead.
    uint64_t latency_low_ps;
    uint64_t latency_high_ps;
    uint64_t latency_cycles;
    uint64_t withheld_per_256;      // probability that a beat or a READY is withheld in a cycle, in 1/256
    uint64_t refresh_interval_ps;   // 0: no refresh
    uint64_t refresh_ps;
    uint64_t bytes_per_us;          // all ports together; 0: no limit
    uint64_t outstanding;           // bursts per port and direction
    uint64_t cpu_gap_ps;            // between two accesses of the CPU
    uint64_t cpu_timeout_cycles;    // until an access counts as never answered
    uint64_t cpu_shuffled;          // 1: order and READY of the CPU's channels are random, 0: all at once
};
