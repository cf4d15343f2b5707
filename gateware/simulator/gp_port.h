// M_AXI_GP0 and the CPU behind it: single accesses, bursts for tests, and checks of the design's answers.
#pragma once
#include <cstdint>

#include "parameters.h"
#include "random_source.h"
#include "rules.h"

class Vsimulated_board;

class GpPort {
public:
    GpPort(Vsimulated_board& pins, Rules& rules, RandomSource& random, const Parameters& parameters);

    void start_read(uint32_t address, int beats, uint32_t* data);
    void start_write(uint32_t address, int beats, const uint32_t* data, uint8_t strobes);
    void step(bool in_reset);  // as HpPort::step
    bool idle() const { return !reading_ && !writing_; }
    void abandon();  // give up an access that was never answered, so that a test can continue

private:
    struct Held {  // a response that must stay while VALID waits for READY
        bool waiting;
        uint32_t data, id, response, last;
    };
    void step_read(bool in_reset);
    void step_write(bool in_reset);
    void check_held(const char* channel, Held& held, bool valid, bool ready, uint32_t data, uint32_t id,
                    uint32_t response, uint32_t last);
    int delay() { return parameters_.cpu_shuffled ? int(random_.below(4)) : 0; }

    Vsimulated_board& pins_;
    Rules& rules_;
    RandomSource& random_;
    const Parameters& parameters_;

    bool reading_ = false, address_sent_ = false;
    bool writing_ = false, write_address_sent_ = false, write_data_sent_ = false;
    // As driven now.
    bool ar_valid_ = false, aw_valid_ = false, w_valid_ = false, r_ready_ = false, b_ready_ = false;
    int ar_delay_ = 0, aw_delay_ = 0, w_delay_ = 0;
    uint32_t read_at_ = 0, write_at_ = 0, read_id_ = 0, write_id_ = 0;
    int read_beats_ = 0, read_done_ = 0, write_beats_ = 0, write_done_ = 0;
    uint32_t* read_data_ = nullptr;
    uint32_t write_data_[16] = {};
    Held held_r_{}, held_b_{};
};
