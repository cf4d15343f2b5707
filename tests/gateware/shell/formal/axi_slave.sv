// The rules of AXI3 for the pins of a RegisterSlave. The master, a processor, is assumed to obey AXI3 too.
module axi_slave #(parameter EAGER = 0) (
    input clk, ar_valid, r_ready, aw_valid, w_valid, w_last, b_ready,
    input [31:0] ar_addr, aw_addr, w_data, input [3:0] ar_len, ar_cache, ar_qos, aw_len, aw_cache, aw_qos, w_strb,
    input [1:0] ar_size, ar_burst, ar_lock, aw_size, aw_burst, aw_lock, input [2:0] ar_prot, aw_prot, input [11:0] ar_id, aw_id, w_id);

    wire rst = $initstate;  // High in the first clock.
    wire ar_ready, r_valid, r_last, aw_ready, w_ready, b_valid;
    wire [31:0] r_data;
    wire [1:0] r_resp, b_resp;
    wire [11:0] r_id, b_id;
    dut dut(.sys_clk(clk), .sys_rst(rst), .*);

    reg [4:0] to_read, to_write;  // Remaining beats of the accepted address.
    reg responding;               // The last beat of a burst was accepted, its response was not.
    reg [11:0] read_id, write_id;
    reg ar_waits, r_waits, aw_waits, w_waits, b_waits, was_rst;
    reg [64:0] ar_before, aw_before;
    reg [48:0] w_before;
    reg [46:0] r_before;
    reg [13:0] b_before;
    wire [64:0] ar = {ar_addr, ar_len, ar_size, ar_burst, ar_lock, ar_cache, ar_prot, ar_qos, ar_id};
    wire [64:0] aw = {aw_addr, aw_len, aw_size, aw_burst, aw_lock, aw_cache, aw_prot, aw_qos, aw_id};
    wire [48:0] w = {w_data, w_strb, w_last, w_id};
    wire [46:0] r = {r_data, r_resp, r_last, r_id};
    reg [3:0] r_patience, b_patience;  // Clocks since an answer became due.

    always @(posedge clk) begin
        was_rst <= rst;
        ar_waits <= ar_valid && !ar_ready && !rst;
        aw_waits <= aw_valid && !aw_ready && !rst;
        r_waits <= r_valid && !r_ready && !rst;
        w_waits <= w_valid && !w_ready && !rst;
        b_waits <= b_valid && !b_ready && !rst;
        ar_before <= ar; aw_before <= aw; r_before <= r; w_before <= w; b_before <= {b_resp, b_id};
        if (ar_valid && ar_ready) begin
            to_read <= ar_len + 1; read_id <= ar_id;
        end else if (r_valid && r_ready) to_read <= to_read - 1;
        if (aw_valid && aw_ready) begin
            to_write <= aw_len + 1; write_id <= aw_id;
        end else if (w_valid && w_ready) to_write <= to_write - 1;
        if (w_valid && w_ready && w_last) responding <= 1;
        if (b_valid && b_ready) responding <= 0;
        r_patience <= to_read != 0 && !r_valid ? r_patience + 1 : 0;
        b_patience <= responding && !b_valid ? b_patience + 1 : 0;
        if (rst) begin
            to_read <= 0; to_write <= 0; responding <= 0; r_patience <= 0; b_patience <= 0;
        end
    end

    always @* if (!rst) begin
        // Assumed of the processor: what it offers stays constant, the last beat of a burst is marked, and
        // data have the ID of their address, which they may precede.
        assume (!ar_waits || (ar_valid && ar == ar_before));
        assume (!aw_waits || (aw_valid && aw == aw_before));
        assume (!w_waits || (w_valid && w == w_before));
        if (w_valid && to_write != 0) assume (w_last == (to_write == 1) && w_id == write_id);

        // The checker counts one read and one write at a time, which is stricter than AXI3.
        if (ar_valid && ar_ready) ar_one: assert (to_read == 0);
        if (aw_valid && aw_ready) aw_one: assert (to_write == 0 && !responding);
        // Offered data and responses stay constant until accepted. None is offered in the clock after reset.
        if (r_waits) r_stays: assert (r_valid);
        if (r_waits) r_holds: assert (r == r_before);
        if (was_rst) r_reset: assert (!r_valid);
        if (b_waits) b_stays: assert (b_valid);
        if (b_waits) b_holds: assert ({b_resp, b_id} == b_before);
        if (was_rst) b_reset: assert (!b_valid);
        // A read has the beats that its address requested, with its ID and OKAY; the last beat is marked.
        if (r_valid) begin
            r_owed: assert (to_read != 0);
            r_ends: assert (r_last == (to_read == 1));
            r_same_id: assert (r_id == read_id);
            r_okay: assert (r_resp == 0);
        end
        // Data are accepted only after their address. The response follows the last beat, with the ID and
        // OKAY.
        if (w_valid && w_ready) w_owed: assert (to_write != 0);
        if (b_valid) begin
            b_owed: assert (responding);
            b_same_id: assert (b_id == write_id);
            b_okay: assert (b_resp == 0);
        end
        // Valid does not wait for ready: an answer comes within a few clocks.
        r_comes: assert (r_patience < 3);
        b_comes: assert (b_patience < 6);
    end

    reg [4:0] longest_read, longest_write;  // Lengths of the bursts in progress.
    always @(posedge clk) begin
        if (ar_valid && ar_ready) longest_read <= ar_len + 1;
        if (aw_valid && aw_ready) longest_write <= aw_len + 1;
    end

    // Behaviour that the assumptions allow. With EAGER, behaviour without any delay.
    always @* if (!rst) begin
        if (EAGER) assume (ar_valid && aw_valid && w_valid && r_ready && b_ready && ar_len == 15 && aw_len == 15);
        whole_read: cover (r_valid && r_ready && r_last && longest_read == 16);
        whole_write: cover (b_valid && longest_write == 16);
        read_beside_write: cover (r_valid && b_valid);
        answer_waits: cover (r_waits && b_waits);
        early_data: cover (w_waits && to_write == 0);
    end
`include "state.svh"
endmodule
