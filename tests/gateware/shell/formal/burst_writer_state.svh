// Relations between the registers of a BurstWriter and the counts of the rules. They make the rules inductive
// and are proved with them. Wires without a driver are the registers of that name in the emitted module.
wire writer_more, writer_is_last, writer_enough, writer_pushed, writer_asked, writer_answered, writer_bad;
wire [BEATS_WIDTH-4:0] writer_bursts_left;
wire [4:0] writer_last_length, writer_length;
wire [5:0] writer_stored, writer_fifo_count;
wire [3:0] writer_unanswered, writer_beat;
wire [31:0] writer_address1;
wire writer_fifo_sink_ready, writer_fifo_not_empty, writer_fifo_source_valid, writer_fifo_pushed, writer_fifo_popped;
wire writer_has_kept, writer_kept_last;
wire [7:0] writer_kept_payload_strb;
wire [1:0] state;  // COLLECT, ADDRESS, DATA, SETTLE

wire [BEATS_WIDTH:0] left = to_ask - (new_burst ? due : 0);
wire [BEATS_WIDTH:0] offered = accepted + (aw_valid ? length : 0);
wire [BEATS_WIDTH-1:0] stored_now = stored - (new_burst ? due : 0);
// The FIFO's count is one clock late.
wire [5:0] in_memory = writer_fifo_count + writer_fifo_pushed - writer_fifo_popped;
wire [1:0] in_pipe = w_valid + writer_has_kept;
wire [4:0] to_send = state == 1 || state == 2 ? writer_beat + 1 : 0;
wire [BEATS_WIDTH-1:0] second = written + 1;  // The number of the beat that is kept behind the one at the pins.

always @* if (!rst) begin
    i_more: assert (writer_more == (left != 0));
    if (writer_more) begin
        i_left: assert (left == 16 * (writer_bursts_left - 1) + writer_last_length && writer_last_length <= 16);
        i_address: assert (writer_address1 == (new_burst ? next + 128 : next));
        i_stored: assert (writer_stored + writer_pushed == stored_now);
        i_early: assert ((since_start >= 6 || writer_stored == 0) && (since_start >= 5 || !writer_pushed) && since_start != 0);
        // is_last, length and enough follow bursts_left, each one clock after the one before.
        if (since_start >= 2 && !new_burst) i_is_last: assert (writer_is_last == (writer_bursts_left == 1));
        if (since_start >= 3 && (state == 0 || state == 3)) i_length: assert (writer_length == (left < 16 ? left : 16));
    end else
        i_no_more: assert (writer_stored == 0 && !writer_pushed && stored_now == 0 && to_push == 0);
    i_some_length: assert ((was_rst || writer_length != 0) && (writer_last_length != 0 || writer_bursts_left == 0 && !writer_is_last));
    if (state == 0 && writer_enough)
        i_enough: assert (writer_more && writer_stored >= writer_length && writer_unanswered < 8);
    // All bursts but the last have 16 beats.
    i_accepted: assert (written <= accepted && accepted <= total && (accepted[3:0] == 0 || accepted == total));
    if (aw_valid) i_offered: assert (offered <= total && accepted[3:0] == 0 && (length == 16 || offered == total) && writer_beat == aw_len);
    if (!aborted) i_total: assert (offered + left == total && stored_now + to_push == left);
    i_state: assert (aw_valid == (state == 1) && writer_asked == new_burst);
    i_written: assert (written + in_pipe + (state == 2 ? writer_beat + 1 : 0) == accepted);
    if (state == 2) i_beat: assert (writer_beat < (accepted[3:0] == 0 ? 16 : accepted[3:0]));
    i_unanswered: assert (writer_unanswered == (accepted + 15) / 16 - (written == accepted ? (accepted + 15) / 16 : written / 16)
                                               + aw_valid + unanswered + writer_answered - writer_asked && writer_unanswered <= 8);
    if (idle) i_idle: assert (writer_unanswered == 0 && !writer_more);
    // The two registers behind the FIFO; the rules are about the one at the pins.
    if (writer_has_kept) begin
        i_pipe: assert (w_valid);
        i_last: assert (writer_kept_last == (second[3:0] == 15 || second + 1 == total));
        i_strobes: assert (writer_kept_payload_strb == 8'hFF || aborted && writer_kept_payload_strb == 0);
    end
    // The FIFO holds what was pushed and not yet sent.
    if (!aborted) i_fifo: assert (in_memory + writer_fifo_source_valid == stored_now + to_send);
    if (aborted && !aborting) i_aborted: assert (writer_unanswered == 0);
    if (aborted) i_emptied: assert (in_memory == 0 && !writer_fifo_source_valid && !writer_more);
    i_not_empty: assert (writer_fifo_not_empty == (in_memory != 0) && in_memory <= 31);
    i_count: assert (writer_fifo_count <= (writer_fifo_sink_ready ? 29 : 31 - writer_fifo_pushed));
    if (aw_patience != 0)
        i_aw_patience: assert (aw_valid || aw_patience <= 2 && state == 0 && writer_stored >= due && writer_unanswered < 8
                                           && (aw_patience == 1 || writer_enough));
    if (w_patience != 0) i_w_patience: assert (w_valid || (w_patience == 1 && (aborted || writer_fifo_source_valid)));
    i_erred: assert (aborted || erred == (failed || writer_bad));
    i_bad: assert (!writer_bad || writer_answered);
end
