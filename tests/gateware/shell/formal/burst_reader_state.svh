// Relations between the registers of a BurstReader and the counts of the rules. They make the rules inductive
// and are proved with them. Wires without a driver are the registers of that name in the emitted module.
wire reader_more, reader_is_last, reader_has_room, reader_delayed, reader_valid, reader_last, reader_bad;
wire [BEATS_WIDTH-4:0] reader_bursts_left;
wire [4:0] reader_last_length;
wire [$clog2(FIFO_BEATS+1)-1:0] reader_room, reader_fifo_count;
wire [$clog2(FIFO_BEATS/16+1)-1:0] reader_unanswered;
wire [31:0] reader_address_address;
wire reader_fifo_source_valid, reader_fifo_not_empty, reader_fifo_pushed, reader_fifo_popped;
wire reader_fifo_latched;  // Exists in a FIFO in block RAM only.
wire [$clog2(STRIPE_BURSTS+1)-1:0] reader_address_number;  // Exists in a reader that skips bursts only.
wire reader_address_last;

// The FIFO's count is one clock late.
wire [9:0] in_memory = reader_fifo_count + reader_fifo_pushed - reader_fifo_popped;
wire [9:0] in_fifo = in_memory + (FIFO_BEATS > 64 && reader_fifo_latched) + reader_fifo_source_valid;
wire [BEATS_WIDTH-1:0] left = to_ask - (new_burst ? due : 0);
wire [BEATS_WIDTH:0] offered = accepted + (ar_valid ? length : 0);
wire [9:0] unread_now = unread + (new_burst ? length : 0);

always @* if (!rst) begin
    i_more: assert (reader_more == (left != 0));
    if (reader_more) begin
        i_left: assert (left == 16 * (reader_bursts_left - 1) + reader_last_length);
        i_length: assert (reader_last_length >= 1 && reader_last_length <= 16);
        i_address: assert (reader_address_address == (new_burst ? next + step : next));
        i_room: assert (reader_room + reader_delayed + unread_now == FIFO_BEATS - 3);
        if (reader_has_room && !ar_valid) begin
            i_is_last: assert (reader_is_last == (reader_bursts_left == 1));
            i_has_room: assert (reader_room >= 16);
        end
    end
    i_room_left: assert (reader_room + reader_delayed + unread_now <= FIFO_BEATS - 3);
    // All bursts but the last have 16 beats.
    i_accepted: assert (answered <= accepted && accepted <= total && (accepted[3:0] == 0 || accepted == total));
    if (ar_valid) i_offered: assert (offered <= total && accepted[3:0] == 0 && (length == 16 || offered == total));
    if (!aborted) i_total: assert (offered + left == total);
    i_unanswered: assert (reader_unanswered == (accepted + 15) / 16 - (answered == accepted ? (answered + 15) / 16 : answered / 16)
                                               + ar_valid + (reader_valid && reader_last));
    if (reader_valid) i_last: assert (answered != 0 && reader_last == (answered[3:0] == 0 || answered == total));
    i_arrived: assert (arrived == in_fifo + (reader_valid && !reader_bad));
    i_unread: assert (aborted || unread_now >= offered - answered + arrived);
    if (aborted) i_emptied: assert (in_fifo == 0 && !reader_more);
    if (aborted && !aborting) i_aborted: assert (reader_unanswered == 0 && !ar_valid && !reader_valid);
    if (idle) i_idle: assert (reader_unanswered == 0 && !ar_valid && !reader_more);
    i_erred: assert (aborted || erred == (failed || reader_bad));
    i_bad: assert (!reader_bad || reader_valid);
    i_not_empty: assert (reader_fifo_not_empty == (in_memory != 0) && in_memory <= FIFO_BEATS);
    // The FIFO is ready for every beat that has not arrived.
    if (!aborted && (offered != answered || reader_valid)) i_ready: assert (reader_fifo_count < FIFO_BEATS - 3);
    if (patience != 0) i_patience: assert (ar_valid || (patience <= 2 && reader_room >= 16 && (patience == 1 || reader_has_room)));
end

if (SKIP_BURSTS != 0) begin : skips
    always @* if (!rst && reader_more) begin
        i_number: assert (reader_address_number == (new_burst ? run_next : run));
        if (reader_has_room && !ar_valid) i_skips: assert (reader_address_last == (reader_address_number == STRIPE_BURSTS - 1));
    end
end
