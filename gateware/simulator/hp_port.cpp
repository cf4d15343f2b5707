#include "hp_port.h"

#include "Vsimulated_board.h"

namespace {
constexpr size_t early_beats_limit = 128;  // the depth of the PS's write FIFO
}

HpPort::HpPort(Vsimulated_board& pins, int index, Memory& memory, Rules& rules, RandomSource& random,
               const Parameters& parameters, const uint64_t& cycle)
    : pins_(pins), p_(index), memory_(memory), rules_(rules), random_(random), parameters_(parameters),
      cycle_(cycle), name_{'H', 'P', char('0' + index), 0} {}

AddressPhase HpPort::read_address() const {
    return {pins_.hp_araddr[p_], pins_.hp_arlen[p_], pins_.hp_arsize[p_], pins_.hp_arburst[p_],
            pins_.hp_arlock[p_], pins_.hp_arprot[p_], pins_.hp_arcache[p_], pins_.hp_arid[p_]};
}

AddressPhase HpPort::write_address() const {
    return {pins_.hp_awaddr[p_], pins_.hp_awlen[p_], pins_.hp_awsize[p_], pins_.hp_awburst[p_],
            pins_.hp_awlock[p_], pins_.hp_awprot[p_], pins_.hp_awcache[p_], pins_.hp_awid[p_]};
}

template <class Phase>
void HpPort::check_held(const char* channel, Watched<Phase>& watched, bool valid, bool ready,
                        const Phase& phase) {
    if (watched.waiting) {
        if (!valid)
            rules_.broken(name_, "valid held", "%sVALID dropped while it waited for %sREADY", channel,
                          channel);
        else if (phase != watched.phase)
            rules_.broken(name_, "payload held", "%s payload changed while it waited for %sREADY", channel,
                          channel);
    }
    watched.waiting = valid && !ready;
    if (watched.waiting) watched.phase = phase;
}

void HpPort::check_address(const char* channel, const AddressPhase& at, int& expected_id) {
    const unsigned beats = at.length + 1u, bytes = beats * 8;
    if (at.size != 3) rules_.broken(name_, "size", "%sSIZE is %u, must be 3 (8 bytes)", channel, at.size);
    if (at.burst != 1) rules_.broken(name_, "burst", "%sBURST is %u, must be 1 (INCR)", channel, at.burst);
    if (at.lock != 0) rules_.broken(name_, "lock", "%sLOCK is %u, must be 0", channel, at.lock);
    if (at.prot != 0) rules_.broken(name_, "prot", "%sPROT is %u, must be 0", channel, at.prot);
    if (at.cache != 3) rules_.broken(name_, "cache", "%sCACHE is 0x%X, must be 0x3", channel, at.cache);
    if (at.address % 8)
        rules_.broken(name_, "alignment", "%sADDR 0x%08X is not a multiple of 8", channel, at.address);
    if (at.address / 4096 != (at.address + uint64_t(bytes) - 1) / 4096)
        rules_.broken(name_, "4 KiB", "%s burst of %u beats at 0x%08X crosses a 4 KiB boundary", channel,
                      beats, at.address);
    if (expected_id < 0) expected_id = at.id;
    if (at.id != expected_id)
        rules_.broken(name_, "one id", "%sID is %u after %d", channel, at.id, expected_id);
    if (at.address < Memory::ddr_bytes && !memory_.holds(at.address, bytes))
        rules_.broken(name_, "range", "%s burst of %u bytes at 0x%08X is not inside one buffer", channel,
                      bytes, at.address);
}

void HpPort::step(uint64_t random_bits, bool in_reset) {
    step_reads(random_bits, in_reset);
    step_writes(random_bits, in_reset);
}

void HpPort::step_reads(uint64_t& bits, bool in_reset) {
    const bool ar_valid = pins_.hp_arvalid[p_];
    if (r_valid_) {
        if (pins_.hp_rready[p_]) {
            r_valid_ = false;
            ++statistics.read_beats;
            if (++reads_.front().beats_sent > reads_.front().at.length) reads_.pop_front();
        } else {
            ++statistics.read_stalled;
        }
    }
    if (ar_valid || watched_ar_.waiting) {
        const AddressPhase at = read_address();
        if (in_reset) watched_ar_.waiting = false;
        else check_held("AR", watched_ar_, ar_valid, ar_ready_, at);
        if (ar_valid && ar_ready_) {
            check_address("AR", at, read_id_);
            // A beat chosen in this call is on the pins one edge later, so the wait is the latency less one.
            reads_.push_back({at, cycle_ + memory_.latency_cycles() - 1, 0});
            ++statistics.read_bursts;
            statistics.most_reads = std::max<uint64_t>(statistics.most_reads, reads_.size());
        }
    }
    const bool beat_withheld = memory_.withheld(bits), address_withheld = memory_.withheld(bits);
    if (!r_valid_ && !reads_.empty()) {
        const ReadBurst& burst = reads_.front();
        if (cycle_ >= burst.ready_cycle && !beat_withheld && memory_.may_move()) {
            const uint64_t address = burst.at.address + 8ull * burst.beats_sent;
            const Response response = memory_.response(address, false);
            if (response != OKAY && burst.beats_sent == 0) ++statistics.error_responses;
            pins_.hp_rdata[p_] = response == OKAY ? memory_.read(address) : random_.draw();
            pins_.hp_rid[p_] = burst.at.id;
            pins_.hp_rlast[p_] = burst.beats_sent == burst.at.length;
            pins_.hp_rresp[p_] = response;
            memory_.moved();
            r_valid_ = true;
        }
    }
    ar_ready_ = !address_withheld && reads_.size() < parameters_.outstanding;
    pins_.hp_rvalid[p_] = r_valid_;
    pins_.hp_arready[p_] = ar_ready_;
    if (!r_valid_) pins_.hp_rdata[p_] = ~pins_.hp_rdata[p_];  // data without VALID have no meaning
}

void HpPort::take_write_beat(const DataPhase& beat) {
    WriteBurst& burst = writes_[filling_];
    const int index = burst.beats_taken++;
    const bool last = index == burst.at.length;
    burst.beats[index] = beat;
    if (beat.id != burst.at.id) rules_.broken(name_, "wid", "WID is %u, AWID was %u", beat.id, burst.at.id);
    if (beat.last && !last)
        rules_.broken(name_, "wlast", "WLAST on beat %d of %d at 0x%08X", index + 1, burst.at.length + 1,
                      burst.at.address);
    if (!beat.last && last)
        rules_.broken(name_, "wlast", "no WLAST on beat %d, the last one, at 0x%08X", index + 1,
                      burst.at.address);
    if (last) {
        burst.response_cycle = cycle_ + memory_.latency_cycles() - 1;
        ++filling_;
    }
}

// Data reach memory only now: they may not be relied on before BVALID.
void HpPort::finish_write(WriteBurst& burst) {
    Response response = OKAY;
    for (int i = 0; i <= burst.at.length; ++i)
        response = std::max(response, memory_.response(burst.at.address + 8ull * i, true));
    if (response == OKAY) {
        for (int i = 0; i <= burst.at.length; ++i) {
            const uint64_t address = burst.at.address + 8ull * i;
            const DataPhase& beat = burst.beats[i];
            if (!memory_.write(address, beat.data, beat.strobes) && !burst.stray_reported) {
                burst.stray_reported = true;
                rules_.broken(name_, "range",
                              "write of bytes outside all buffers, strobes 0x%02X at 0x%08llX", beat.strobes,
                              (unsigned long long)address);
            }
        }
    } else {
        ++statistics.error_responses;
    }
    pins_.hp_bresp[p_] = response;
    pins_.hp_bid[p_] = burst.at.id;
    b_valid_ = true;
}

void HpPort::step_writes(uint64_t& bits, bool in_reset) {
    const bool aw_valid = pins_.hp_awvalid[p_], w_valid = pins_.hp_wvalid[p_];
    if (b_valid_ && pins_.hp_bready[p_]) {
        b_valid_ = false;
        writes_.pop_front();
        --filling_;
    }
    if (aw_valid || watched_aw_.waiting) {
        const AddressPhase at = write_address();
        if (in_reset) watched_aw_.waiting = false;
        else check_held("AW", watched_aw_, aw_valid, aw_ready_, at);
        if (aw_valid && aw_ready_) {
            check_address("AW", at, write_id_);
            writes_.push_back({at, 0, 0, false, {}});
            ++statistics.write_bursts;
            statistics.most_writes = std::max<uint64_t>(statistics.most_writes, writes_.size());
        }
    }
    if (w_valid || watched_w_.waiting) {
        const DataPhase beat{pins_.hp_wdata[p_], pins_.hp_wstrb[p_], pins_.hp_wid[p_],
                             bool(pins_.hp_wlast[p_])};
        if (in_reset) watched_w_.waiting = false;
        else check_held("W", watched_w_, w_valid, w_ready_, beat);
        if (w_valid && w_ready_) {
            early_beats_.push_back(beat);
            ++statistics.write_beats;
            memory_.moved();
        }
    }
    while (!early_beats_.empty() && filling_ < writes_.size()) {
        take_write_beat(early_beats_.front());
        early_beats_.pop_front();
    }
    const bool data_withheld = memory_.withheld(bits), address_withheld = memory_.withheld(bits);
    const bool may_respond = !memory_.dead && !memory_.hold_responses;
    if (!b_valid_ && filling_ > 0 && cycle_ >= writes_.front().response_cycle && may_respond)
        finish_write(writes_.front());
    aw_ready_ = !address_withheld && writes_.size() < parameters_.outstanding;
    w_ready_ = !data_withheld && early_beats_.size() < early_beats_limit && memory_.may_move();
    pins_.hp_bvalid[p_] = b_valid_;
    pins_.hp_awready[p_] = aw_ready_;
    pins_.hp_wready[p_] = w_ready_;
}
