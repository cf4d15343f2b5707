// One S_AXI_HP port: an AXI3 slave that checks everything the master does. It answers in order.
#pragma once
#include <cstdint>
#include <deque>

#include "memory.h"
#include "rules.h"

class Vsimulated_board;

struct Statistics {
    uint64_t read_bursts, read_beats, write_bursts, write_beats;
    uint64_t read_stalled;      // cycles with a read beat waiting for RREADY
    uint64_t error_responses;   // bursts answered with SLVERR or DECERR
    uint64_t most_reads, most_writes;  // bursts outstanding at once
};

struct AddressPhase {
    uint32_t address;
    uint8_t length, size, burst, lock, prot, cache, id;
    bool operator!=(const AddressPhase& o) const {
        return address != o.address || length != o.length || size != o.size || burst != o.burst
            || lock != o.lock || prot != o.prot || cache != o.cache || id != o.id;
    }
};

struct DataPhase {
    uint64_t data;
    uint8_t strobes, id;
    bool last;
    bool operator!=(const DataPhase& o) const {
        return data != o.data || strobes != o.strobes || id != o.id || last != o.last;
    }
};

class HpPort {
public:
    HpPort(Vsimulated_board& pins, int index, Memory& memory, Rules& rules, RandomSource& random,
           const Parameters& parameters, const uint64_t& cycle);
    // Do everything between two rising edges: check what the design drives now, and choose what the PS drives
    // from the next edge on.
    void step(uint64_t random_bits, bool in_reset);

    Statistics statistics{};

private:
    struct ReadBurst {
        AddressPhase at;
        uint64_t ready_cycle;
        int beats_sent;
    };
    struct WriteBurst {
        AddressPhase at;
        uint64_t response_cycle;
        int beats_taken;
        bool stray_reported;
        DataPhase beats[16];
    };
    template <class Phase> struct Watched {  // a payload that must stay while VALID waits for READY
        bool waiting = false;
        Phase phase{};
    };

    void step_reads(uint64_t& bits, bool in_reset);
    void step_writes(uint64_t& bits, bool in_reset);
    void take_write_beat(const DataPhase& beat);
    void finish_write(WriteBurst& burst);
    void check_address(const char* channel, const AddressPhase& at, int& expected_id);
    template <class Phase>
    void check_held(const char* channel, Watched<Phase>& watched, bool valid, bool ready, const Phase& phase);
    AddressPhase read_address() const;
    AddressPhase write_address() const;

    Vsimulated_board& pins_;
    const int p_;
    Memory& memory_;
    Rules& rules_;
    RandomSource& random_;
    const Parameters& parameters_;
    const uint64_t& cycle_;
    char name_[4];

    std::deque<ReadBurst> reads_;
    std::deque<WriteBurst> writes_;
    std::deque<DataPhase> early_beats_;  // AXI3 lets write data overtake its address
    size_t filling_ = 0;                 // index in writes_ of the burst that the next beat belongs to
    int read_id_ = -1, write_id_ = -1;
    Watched<AddressPhase> watched_ar_, watched_aw_;
    Watched<DataPhase> watched_w_;
    // As driven now.
    bool ar_ready_ = false, aw_ready_ = false, w_ready_ = false, r_valid_ = false, b_valid_ = false;
};
