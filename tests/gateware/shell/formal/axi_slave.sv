// What AXI3 asks of a RegisterSlave, on its pins alone. The master, a processor, is assumed to keep the rules in its turn.
module axi_slave #(parameter EAGER = 0) (
    input clk, ar_valid, r_ready, aw_valid, w_valid, w_last, b_ready,
    input [31:0] ar_addr, aw_addr, w_data, input [3:0] ar_len, ar_cache, ar_qos, aw_len, aw_cache, aw_qos, w_strb,
    input [1:0] ar_size, ar_burst, ar_lock, aw_size, aw_burst, aw_lock, input [2:0] ar_prot, aw_prot, input [11:0] ar_id, aw_id, w_id);

    wire rst = $initstate;  // the first clock
    wire ar_ready, r_valid, r_last, aw_ready, w_ready, b_valid;
    wire [31:0] r_data;
    wire [1:0] r_resp, b_resp;
    wire [11:0] r_id, b_id;
    dut dut(.sys_clk(clk), .sys_rst(rst), .*);

    reg [4:0] to_read, to_write;  // beats left of the accepted address
    reg responding;               // a burst's last beat is in, its response is not out
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
    reg [3:0] r_patience, b_patience;  // clocks that an answer has been owed

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
        // The processor: what it offers stays; the last beat of a burst is marked, data carry their address's ID, and may lead it.
        assume (!ar_waits || (ar_valid && ar == ar_before));
        assume (!aw_waits || (aw_valid && aw == aw_before));
        assume (!w_waits || (w_valid && w == w_before));
        if (w_valid && to_write != 0) assume (w_last == (to_write == 1) && w_id == write_id);

        // One read and one write at a time: what this checker counts with, stricter than AXI3.
        if (ar_valid && ar_ready) ar_one: assert (to_read == 0);
        if (aw_valid && aw_ready) aw_one: assert (to_write == 0 && !responding);
        // What is offered stays, and stays what it is, until it is accepted; nothing is offered in the clock after reset.
        if (r_waits) r_stays: assert (r_valid);
        if (r_waits) r_holds: assert (r == r_before);
        if (was_rst) r_reset: assert (!r_valid);
        if (b_waits) b_stays: assert (b_valid);
        if (b_waits) b_holds: assert ({b_resp, b_id} == b_before);
        if (was_rst) b_reset: assert (!b_valid);
        // As many beats as the accepted address asked for, under its ID, the last one marked, and always OKAY.
        if (r_valid) begin
            r_owed: assert (to_read != 0);
            r_ends: assert (r_last == (to_read == 1));
            r_same_id: assert (r_id == read_id);
            r_okay: assert (r_resp == 0);
        end
        // Data are accepted for an accepted address only; its response follows the last of them, under its ID, and is always OKAY.
        if (w_valid && w_ready) w_owed: assert (to_write != 0);
        if (b_valid) begin
            b_owed: assert (responding);
            b_same_id: assert (b_id == write_id);
            b_okay: assert (b_resp == 0);
        end
        // Valid does not wait for ready: an answer comes within clocks.
        r_comes: assert (r_patience < 3);
        b_comes: assert (b_patience < 6);
    end

    reg [4:0] longest_read, longest_write;  // of the bursts under way
    always @(posedge clk) begin
        if (ar_valid && ar_ready) longest_read <= ar_len + 1;
        if (aw_valid && aw_ready) longest_write <= aw_len + 1;
    end

    // What the assumptions leave possible; EAGER: what is possible without a clock's delay anywhere.
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
