// The rules of AXI3 and of its own interface for the pins of a BurstWriter. The behaviour of the memory and
// of the module that feeds the writer is assumed.
module axi_master_write #(parameter BEATS_WIDTH = 23, EAGER = 0) (
    input clk, start, abort, sink_valid, aw_ready, w_ready, b_valid,
    input [24:0] block, input [BEATS_WIDTH-1:0] beats, input [1:0] b_resp, input [5:0] b_id, input [63:0] sink_data);

    wire rst = $initstate;  // High in the first clock.
    wire [31:0] address = {block, 7'd0};
    wire idle, failed, sink_ready, aw_valid, w_valid, w_last, b_ready;
    wire [31:0] aw_addr, error_address;
    wire [3:0] aw_len, aw_cache, aw_qos;
    wire [1:0] aw_size, aw_burst, aw_lock;
    wire [2:0] aw_prot;
    wire [5:0] aw_id, w_id;
    wire [63:0] w_data;
    wire [7:0] w_strb;
    dut dut(.sys_clk(clk), .sys_rst(rst), .*);

    // The running command in beats: its length, beats without an offered address, beats of accepted
    // addresses, beats that were written.
    reg [BEATS_WIDTH-1:0] total, to_ask, accepted, written;
    // Beats that the sink has not accepted; beats that it has, without an offered address.
    reg [BEATS_WIDTH-1:0] to_push, stored;
    reg [31:0] next;                        // The start of the next burst.
    reg [5:0] unanswered;                   // Bursts that were written and have no response.
    reg [2:0] since_start;                  // Clocks, up to 7.
    reg aborting;                           // Abort must stay high.
    reg aborted, erred;                     // Since the last start.
    reg aw_waits, w_waits, s_waits, barred, was_failed, was_rst;
    reg [3:0] aw_patience, w_patience;      // Clocks in which an address or a beat could have been offered.
    reg [58:0] aw_before;
    reg [78:0] w_before;
    reg [63:0] s_before;
    wire [58:0] aw = {aw_addr, aw_len, aw_size, aw_burst, aw_lock, aw_cache, aw_prot, aw_qos, aw_id};
    wire [78:0] w = {w_data, w_strb, w_last, w_id};
    wire new_burst = aw_valid && !aw_waits;
    wire [4:0] length = aw_len + 1;
    wire [4:0] due = to_ask < 16 ? to_ask : 16;
    wire may_ask = to_ask != 0 && stored >= due && written == accepted && unanswered < 8 && !abort && !erred && !aw_valid;
    wire push = sink_valid && sink_ready && !abort;

    always @(posedge clk) begin
        was_rst <= rst;
        aw_waits <= aw_valid && !aw_ready && !rst;
        w_waits <= w_valid && !w_ready && !rst;
        s_waits <= sink_valid && !sink_ready && !abort && !rst;
        aw_before <= aw;
        w_before <= w;
        s_before <= sink_data;
        was_failed <= failed && !rst;
        barred <= (abort || (failed && was_failed)) && !rst;
        aborting <= abort && !idle && !rst;
        aborted <= abort || (aborted && !start);
        if (push) to_push <= to_push - 1;
        stored <= stored + push - (new_burst ? due : 0);
        if (aw_valid && aw_ready) accepted <= accepted + length;
        if (w_valid && w_ready) written <= written + 1;
        unanswered <= unanswered + (w_valid && w_ready && w_last) - (b_valid && b_ready);
        erred <= !start && !abort && (erred || (b_valid && b_resp[1]));
        aw_patience <= may_ask ? aw_patience + 1 : 0;
        w_patience <= written != accepted && !w_valid ? w_patience + 1 : 0;
        if (since_start != 7) since_start <= since_start + 1;
        if (new_burst) begin
            to_ask <= to_ask - due;
            next <= next + 128;
        end
        if (abort) begin
            to_ask <= 0; to_push <= 0; stored <= 0;
        end
        if (start) begin
            to_ask <= beats; to_push <= beats; total <= beats; next <= address; since_start <= 1;
            accepted <= 0; written <= 0;
        end
        if (rst) begin
            to_ask <= 0; to_push <= 0; stored <= 0; accepted <= 0; written <= 0; unanswered <= 0; aborted <= 0; total <= 0;
            erred <= 0; aw_patience <= 0; w_patience <= 0; since_start <= 7;
        end
    end

    always @* if (!rst) begin
        // Assumed of the feeding module: start is high for one clock, while idle, for at least one beat.
        // Abort stays high until idle. Beats begin at least four clocks after start, number as many as
        // commanded, and stay offered.
        assume (!start || (idle && !abort && beats != 0));
        assume (!aborting || abort);
        assume (!sink_valid || (to_push != 0 && since_start >= 4));
        assume (!s_waits || (sink_valid && sink_data == s_before));
        // Assumed of the memory: one response for each burst whose last beat was accepted.
        assume (!b_valid || (unanswered != 0 && b_id == 0));

        // Offered addresses and data stay constant until accepted. None is offered in the clock after reset.
        if (aw_waits) aw_stays: assert (aw_valid);
        if (aw_waits) aw_holds: assert (aw == aw_before);
        if (was_rst) aw_reset: assert (!aw_valid);
        if (w_waits) w_stays: assert (w_valid);
        if (w_waits) w_holds: assert (w == w_before);
        if (was_rst) w_reset: assert (!w_valid);
        if (aw_valid) begin
            // Beats of 8 bytes at rising addresses, neither locked nor exclusive, normal memory, one ID. The
            // length has four bits: at most 16 beats.
            aw_fields: assert ({aw_size, aw_burst, aw_lock, aw_cache, aw_prot, aw_qos, aw_id}
                               == {2'd3, 2'd1, 2'd0, 4'd3, 3'd0, 4'd0, 6'd0});
            aw_aligned: assert (aw_addr[2:0] == 0);
            // A burst stays within a page of 4 KiB.
            aw_4k: assert (aw_addr[11:0] + 8 * length <= 4096);
        end
        // Every beat of the command gets an address once, in order, when it is stored; none after an abort or
        // an error.
        if (new_burst) begin
            aw_owed: assert (to_ask != 0);
            aw_address: assert (aw_addr == next);
            aw_length: assert (length == due);
            aw_barred: assert (!barred);
            aw_stored: assert (stored >= length);
        end
        // Data follow their address (AXI3 allows them to lead) in order and with its ID. The last beat of a
        // burst, and no other, is marked. Strobes are low after an abort only.
        if (w_valid) begin
            w_after_address: assert (written < accepted);
            w_ends: assert (w_last == (written[3:0] == 15 || written + 1 == total));
            w_one_id: assert (w_id == 0);
            w_strobes: assert (w_strb == 8'hFF || (aborted || abort) && w_strb == 0);
        end
        // Valid does not wait for ready, nor for any other signal once an address or its data is available.
        aw_comes: assert (aw_patience < 6);
        w_comes: assert (w_patience < 4);
        // A response is accepted at once.
        b_taken: assert (b_ready);
        // Idle is high when every beat is written and every burst has its response.
        if (idle) idle_is_quiet: assert (!aw_valid && !w_valid && written == accepted && unanswered == 0);
        if (idle) idle_is_done: assert (to_ask == 0);
    end

    // Behaviour that the assumptions allow. With EAGER, behaviour without any delay.
    always @* if (!rst) begin
        if (EAGER) assume (start == idle && aw_ready && w_ready && !abort && b_valid == (unanswered != 0) && beats == 18);
        if (EAGER) assume (sink_valid == (to_push != 0 && since_start >= 4));
        whole_burst: cover (w_valid && w_ready && w_last && written == 15);
        second_burst: cover (aw_valid && written == 16);
        short_last_burst: cover (w_valid && w_last && written == 17 && total == 18);
        data_wait: cover (w_waits && aw_len == 2);
        error: cover (failed && idle);
        abort_between: cover (aborting && w_valid && w_strb == 0);
        drained: cover (aborted && idle && accepted != 0);
        second_command: cover (start && accepted != 0);
    end
`include "state.svh"
endmodule
