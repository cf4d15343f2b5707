#include "gp_port.h"

#include "Vsimulated_board.h"

GpPort::GpPort(Vsimulated_board& pins, Rules& rules, RandomSource& random, const Parameters& parameters)
    : pins_(pins), rules_(rules), random_(random), parameters_(parameters) {}

void GpPort::start_read(uint32_t address, int beats, uint32_t* data) {
    read_at_ = address;
    read_beats_ = beats;
    read_done_ = 0;
    read_data_ = data;
    read_id_ = uint32_t(random_.below(4096));
    ar_delay_ = delay();
    address_sent_ = false;
    reading_ = true;
}

void GpPort::start_write(uint32_t address, int beats, const uint32_t* data, uint8_t strobes) {
    write_at_ = address;
    write_beats_ = beats;
    write_done_ = 0;
    for (int i = 0; i < beats; ++i) write_data_[i] = data[i];
    write_id_ = uint32_t(random_.below(4096));
    aw_delay_ = delay();
    w_delay_ = delay();
    pins_.gp_wstrb = strobes;
    write_address_sent_ = write_data_sent_ = false;
    writing_ = true;
}

void GpPort::abandon() {
    reading_ = writing_ = false;
    ar_valid_ = aw_valid_ = w_valid_ = r_ready_ = b_ready_ = false;
    pins_.gp_arvalid = pins_.gp_awvalid = pins_.gp_wvalid = pins_.gp_rready = pins_.gp_bready = 0;
    held_r_.waiting = held_b_.waiting = false;
}

void GpPort::check_held(const char* channel, Held& held, bool valid, bool ready, uint32_t data, uint32_t id,
                        uint32_t response, uint32_t last) {
    if (held.waiting) {
        if (!valid)
            rules_.broken("GP0", "valid held", "%sVALID dropped while it waited for %sREADY", channel,
                          channel);
        else if (data != held.data || id != held.id || response != held.response || last != held.last)
            rules_.broken("GP0", "payload held", "%s payload changed while it waited for %sREADY", channel,
                          channel);
    }
    held = {valid && !ready, data, id, response, last};
}

void GpPort::step(bool in_reset) {
    step_read(in_reset);
    step_write(in_reset);
}

void GpPort::step_read(bool in_reset) {
    const bool r_valid = pins_.gp_rvalid;
    if (!reading_ && !r_valid && !r_ready_) return;

    if (ar_valid_ && pins_.gp_arready) {
        ar_valid_ = false;
        address_sent_ = true;
    } else if (r_valid && !address_sent_ && !in_reset) {
        rules_.broken("GP0", "unasked", "RVALID without a read request");
        if (!reading_) return;
    }
    if (!in_reset)
        check_held("R", held_r_, r_valid, r_ready_, pins_.gp_rdata, pins_.gp_rid, pins_.gp_rresp,
                   pins_.gp_rlast);
    if (r_valid && r_ready_ && reading_) {
        const bool last = read_done_ == read_beats_ - 1;
        if (pins_.gp_rid != read_id_)
            rules_.broken("GP0", "rid", "RID is 0x%X, ARID was 0x%X", pins_.gp_rid, read_id_);
        if (pins_.gp_rresp)
            rules_.broken("GP0", "okay", "RRESP is %u for a read of 0x%08X", pins_.gp_rresp, read_at_);
        if (bool(pins_.gp_rlast) != last)
            rules_.broken("GP0", "rlast", "RLAST is %u on beat %d of %d", pins_.gp_rlast, read_done_ + 1,
                          read_beats_);
        read_data_[read_done_++] = pins_.gp_rdata;
        if (last) reading_ = address_sent_ = false;
    }

    if (reading_ && !address_sent_ && !ar_valid_) {
        if (ar_delay_-- <= 0) {
            ar_valid_ = true;
            pins_.gp_araddr = read_at_;
            pins_.gp_arlen = uint8_t(read_beats_ - 1);
            pins_.gp_arid = uint16_t(read_id_);
        }
    } else if (!ar_valid_) {
        pins_.gp_araddr = uint32_t(random_.draw());  // a payload without VALID has no meaning
        pins_.gp_arid = random_.below(4096);
    }
    r_ready_ = reading_ && (!parameters_.cpu_shuffled || random_.below(2));
    pins_.gp_arvalid = ar_valid_;
    pins_.gp_rready = r_ready_;
}

void GpPort::step_write(bool in_reset) {
    const bool b_valid = pins_.gp_bvalid;
    if (!writing_ && !b_valid && !b_ready_) return;

    if (aw_valid_ && pins_.gp_awready) {
        aw_valid_ = false;
        write_address_sent_ = true;
    }
    if (w_valid_ && pins_.gp_wready) {
        w_valid_ = false;
        if (++write_done_ == write_beats_) write_data_sent_ = true;
        else w_delay_ = delay();
    }
    if (!in_reset) check_held("B", held_b_, b_valid, b_ready_, 0, pins_.gp_bid, pins_.gp_bresp, 0);
    // BVALID may come one cycle after the last handshake at the earliest; the flags above include this edge.
    if (b_valid && !in_reset && !(writing_ && write_address_sent_ && write_data_sent_)) {
        rules_.broken("GP0", "unasked", "BVALID before a write's address and data were taken");
        if (!writing_) return;
    }
    if (b_valid && b_ready_ && writing_) {
        if (pins_.gp_bid != write_id_)
            rules_.broken("GP0", "bid", "BID is 0x%X, AWID was 0x%X", pins_.gp_bid, write_id_);
        if (pins_.gp_bresp)
            rules_.broken("GP0", "okay", "BRESP is %u for a write to 0x%08X", pins_.gp_bresp, write_at_);
        writing_ = false;
    }

    if (writing_ && !write_address_sent_ && !aw_valid_) {
        if (aw_delay_-- <= 0) {
            aw_valid_ = true;
            pins_.gp_awaddr = write_at_;
            pins_.gp_awlen = uint8_t(write_beats_ - 1);
            pins_.gp_awid = uint16_t(write_id_);
        }
    } else if (!aw_valid_) {
        pins_.gp_awaddr = uint32_t(random_.draw());
        pins_.gp_awid = random_.below(4096);
    }
    if (writing_ && !write_data_sent_ && !w_valid_) {
        if (w_delay_-- <= 0) {
            w_valid_ = true;
            pins_.gp_wdata = write_data_[write_done_];
            pins_.gp_wid = uint16_t(write_id_);
            pins_.gp_wlast = write_done_ == write_beats_ - 1;
        }
    } else if (!w_valid_) {
        pins_.gp_wdata = uint32_t(random_.draw());
    }
    b_ready_ = writing_ && (!parameters_.cpu_shuffled || random_.below(2));
    pins_.gp_awvalid = aw_valid_;
    pins_.gp_wvalid = w_valid_;
    pins_.gp_bready = b_ready_;
}
