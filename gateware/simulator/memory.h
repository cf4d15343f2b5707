// The DDR behind the HP ports: which buffers exist, when data may move, which faults are injected.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "parameters.h"
#include "random_source.h"

enum Response : uint8_t { OKAY = 0, SLVERR = 2, DECERR = 3 };

struct Region {
    uint64_t base, bytes;
    uint8_t* data;  // owned by the Python side, which keeps it alive until it is unmapped
};

struct FaultyRange {
    uint64_t base, bytes;
    bool reads, writes;
    Response response;
};

class Memory {
public:
    static constexpr uint64_t ddr_bytes = 0x40000000;

    Memory(const Parameters& parameters, RandomSource& random) : parameters_(parameters), random_(random) {
        if (parameters.refresh_interval_ps) refresh_phase_ps_ = random.below(parameters.refresh_interval_ps);
    }

    bool map(uint64_t base, uint64_t bytes, uint8_t* data);
    bool unmap(uint64_t base);
    const Region* region(uint64_t address) {
        if (last_ < regions_.size() && address - regions_[last_].base < regions_[last_].bytes)
            return &regions_[last_];
        for (size_t i = 0; i < regions_.size(); ++i)
            if (address - regions_[i].base < regions_[i].bytes) return &regions_[last_ = i];
        return nullptr;
    }
    // A burst may read the rest of the last 8 bytes of a buffer, never more.
    bool holds(uint64_t address, uint64_t bytes) {
        const Region* buffer = region(address);
        return buffer && address + bytes <= ((buffer->base + buffer->bytes + 7) & ~uint64_t(7));
    }
    uint64_t read(uint64_t address);
    // False if an enabled byte lies outside all buffers; it is dropped.
    bool write(uint64_t address, uint64_t data, uint8_t strobes);
    Response response(uint64_t address, bool write) const;

    void advance() {  // one cycle
        if (parameters_.refresh_interval_ps) {
            refresh_phase_ps_ += parameters_.period_ps;
            if (refresh_phase_ps_ >= parameters_.refresh_interval_ps)
                refresh_phase_ps_ -= parameters_.refresh_interval_ps;
            refreshing_ = refresh_phase_ps_ < parameters_.refresh_ps;
        }
        if (parameters_.bytes_per_us && !refreshing_) {
            credit_ += parameters_.bytes_per_us * parameters_.period_ps;
            if (credit_ > credit_limit) credit_ = credit_limit;
        }
    }
    bool may_move() const { return !dead && !refreshing_ && (!parameters_.bytes_per_us || credit_ >= 0); }
    void moved() { if (parameters_.bytes_per_us) credit_ -= beat_credit; }
    uint64_t latency_cycles() {
        if (!parameters_.latency_high_ps) return parameters_.latency_cycles;
        const uint64_t span_ps = parameters_.latency_high_ps - parameters_.latency_low_ps;
        uint64_t ps = parameters_.latency_low_ps + random_.below(span_ps + 1);
        return (ps + parameters_.period_ps - 1) / parameters_.period_ps;
    }
    bool withheld(uint64_t& bits) const {  // uses up eight random bits
        bool answer = (bits & 0xFF) < parameters_.withheld_per_256;
        bits >>= 8;
        return answer;
    }

    bool dead = false;             // accepts addresses, moves no data, answers nothing
    bool hold_responses = false;   // withholds every write response
    std::vector<FaultyRange> faulty;

private:
    static constexpr int64_t beat_credit = 8 * 1000000;     // bytes times picoseconds per microsecond
    static constexpr int64_t credit_limit = 8 * beat_credit;  // idle cycles accumulate at most eight beats
    const Parameters& parameters_;
    RandomSource& random_;
    std::vector<Region> regions_;
    size_t last_ = 0;
    uint64_t refresh_phase_ps_ = 0;
    bool refreshing_ = false;
    int64_t credit_ = 0;
};
