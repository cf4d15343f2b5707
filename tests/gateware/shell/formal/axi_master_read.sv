// The rules of AXI3 and of its own interface for the pins of a BurstReader. The behaviour of the memory and
// of the module that commands the reader is assumed.
module axi_master_read #(parameter FIFO_BEATS = 64, STRIPE_BURSTS = 1, SKIP_BURSTS = 0, BEATS_WIDTH = 27, EAGER = 0) (
    input clk, start, abort, source_ready, ar_ready, r_valid, r_last,
    input [24:0] block, input [BEATS_WIDTH-1:0] beats, input [1:0] r_resp, input [63:0] r_data, input [5:0] r_id);

    wire rst = $initstate;  // High in the first clock.
    wire [31:0] address = {block, 7'd0};
    wire idle, failed, source_valid, ar_valid, r_ready, overflow;
    wire [31:0] ar_addr, error_address;
    wire [3:0] ar_len, ar_cache, ar_qos;
    wire [1:0] ar_size, ar_burst, ar_lock;
    wire [2:0] ar_prot;
    wire [5:0] ar_id;
    dut dut(.sys_clk(clk), .sys_rst(rst), .*);

    // The running command in beats: its length, beats without an offered address, beats of accepted
    // addresses, beats that have arrived.
    reg [BEATS_WIDTH-1:0] total, to_ask, accepted, answered;
    wire [BEATS_WIDTH-1:0] outstanding = accepted - answered;
    reg [31:0] next;  // The start of the next burst.
    reg [$clog2(STRIPE_BURSTS+1)-1:0] run;  // Bursts since the last skipped ones.
    reg [9:0] unread;         // Beats with an offered address that were not accepted at the source.
    reg [9:0] arrived;        // Those that arrived without an error.
    reg aborting;             // Abort must stay high.
    reg aborted, erred;       // Since the last start.
    reg ar_waits, barred, was_rst;
    reg [3:0] patience;       // Clocks in which an address could have been offered.
    reg [58:0] ar_before;
    wire [58:0] ar = {ar_addr, ar_len, ar_size, ar_burst, ar_lock, ar_cache, ar_prot, ar_qos, ar_id};
    wire new_burst = ar_valid && !ar_waits;
    wire [4:0] length = ar_len + 1;
    wire [4:0] due = to_ask < 16 ? to_ask : 16;
    wire skips = SKIP_BURSTS != 0 && run + 1 == STRIPE_BURSTS;
    wire [$clog2(STRIPE_BURSTS+1)-1:0] run_next = skips ? 0 : run + 1;
    wire [31:0] step = skips ? 128 * (SKIP_BURSTS + 1) : 128;
    wire taken = source_valid && source_ready;
    wire may_ask = to_ask != 0 && !abort && !erred && !ar_valid && unread + 16 <= FIFO_BEATS - 3;

    always @(posedge clk) begin
        was_rst <= rst;
        ar_waits <= ar_valid && !ar_ready && !rst;
        ar_before <= ar;
        barred <= (abort || failed) && !rst;
        aborting <= abort && !idle && !rst;
        aborted <= abort || (aborted && !start);
        if (ar_valid && ar_ready) accepted <= accepted + length;
        answered <= answered + (r_valid && r_ready);
        arrived <= (abort ? 0 : arrived - taken) + (r_valid && r_ready && !r_resp[1]);
        unread <= abort ? 0 : unread + (new_burst ? length : 0) - taken;
        erred <= !start && !abort && (erred || (r_valid && r_resp[1]));
        patience <= may_ask ? patience + 1 : 0;
        if (new_burst) begin
            to_ask <= to_ask - due;
            next <= next + step;
            run <= run_next;
        end
        if (abort) to_ask <= 0;
        if (start) begin
            to_ask <= beats;
            next <= address;
            run <= 0;
            total <= beats;
            accepted <= 0;
            answered <= 0;
            unread <= 0;
        end
        if (rst) begin
            total <= 0; to_ask <= 0; accepted <= 0; answered <= 0;
            unread <= 0; arrived <= 0; aborted <= 0; erred <= 0; patience <= 0;
        end
    end

    always @* if (!rst) begin
        // Assumed of the commander: start is high for one clock, while idle and after all earlier data was
        // accepted, for at least one beat. Abort stays high until idle.
        assume (!start || (idle && !abort && beats != 0 && arrived == 0));
        assume (!aborting || abort);
        // Assumed of the memory: beats arrive for accepted addresses only, in order, with the ID of the
        // address, and the last beat of a burst is marked. All bursts but the last have 16 beats, or
        // ar_length fails first.
        assume (!r_valid || (outstanding != 0 && r_id == 0 && r_last == (answered[3:0] == 15 || answered + 1 == total)));

        // An offered address stays constant until it is accepted. None is offered in the clock after reset.
        if (ar_waits) ar_stays: assert (ar_valid);
        if (ar_waits) ar_holds: assert (ar == ar_before);
        if (was_rst) ar_reset: assert (!ar_valid);
        if (ar_valid) begin
            // Beats of 8 bytes at rising addresses, neither locked nor exclusive, normal memory, one ID. The
            // length has four bits: at most 16 beats.
            ar_fields: assert ({ar_size, ar_burst, ar_lock, ar_cache, ar_prot, ar_qos, ar_id}
                               == {2'd3, 2'd1, 2'd0, 4'd3, 3'd0, 4'd0, 6'd0});
            ar_aligned: assert (ar_addr[2:0] == 0);
            // A burst stays within a page of 4 KiB.
            ar_4k: assert (ar_addr[11:0] + 8 * length <= 4096);
        end
        // Every beat of the command is requested once and in order, as far as the FIFO has room. No beat is
        // requested after an abort or an error.
        if (new_burst) begin
            ar_owed: assert (to_ask != 0);
            ar_address: assert (ar_addr == next);
            ar_length: assert (length == due);
            ar_room: assert (unread + length <= FIFO_BEATS - 3);
            ar_barred: assert (!barred);
        end
        // Valid does not wait for ready, nor for any other signal once a request is possible.
        ar_comes: assert (patience < 4);
        // Ready is constant: every requested beat fits the FIFO.
        r_taken: assert (r_ready);
        r_kept: assert (!overflow);
        // The source has the beats that arrived, and no others.
        source_asked: assert (!source_valid || arrived != 0);
        // Idle is high when no beat is outstanding and none remains to be requested.
        if (idle) idle_is_quiet: assert (!ar_valid && outstanding == 0);
        if (idle) idle_is_done: assert (to_ask == 0);
    end

    // Behaviour that the assumptions allow. With EAGER, behaviour without any delay.
    always @* if (!rst) begin
        if (EAGER) assume (start == idle && ar_ready && source_ready && !abort && r_valid == (outstanding != 0) && beats == 18);
        whole_burst: cover (r_valid && r_last && answered == 15);
        second_burst: cover (ar_valid && answered != 0);
        short_last_burst: cover (r_valid && r_last && answered == 17 && total == 18);
        address_waits: cover (ar_waits && patience == 0 && ar_len == 2);
        error: cover (failed && idle);
        abort_between: cover (aborting && outstanding != 0);
        drained: cover (aborted && idle && accepted != 0 && to_ask == 0);
        second_command: cover (start && accepted != 0);
    end
`include "state.svh"
endmodule
