// Relations between the registers of a RegisterSlave and the counts of the rules. They make the rules
// inductive and are proved with them. Wires without a driver are the registers of that name in the emitted
// module.
wire [1:0] fsm0_state;  // of reads: IDLE, SELECT, FETCH, ANSWER
wire [2:0] fsm1_state;  // of writes: IDLE, DATA, three clocks of ACT, ACTED, ANSWER
wire [3:0] beats;
wire [3:0] left = to_read - 1 - r_valid;

always @* if (!rst) begin
    i_reading: assert ((fsm0_state != 0) == (to_read != 0) && to_read <= 16);
    // The count of beats goes on when one is offered.
    i_beats: assert (fsm0_state == 0 || (left == beats && r_id == read_id));
    i_ready: assert ((!ar_ready || fsm0_state == 0) && (!aw_ready || fsm1_state == 0) && (!w_ready || fsm1_state == 1));
    i_answer: assert (r_valid == (fsm0_state == 3));
    i_writing: assert ((fsm1_state == 1) == (to_write != 0) && fsm1_state <= 6);
    i_responding: assert ((fsm1_state >= 2) == responding);
    i_response: assert (b_valid == (fsm1_state == 6) && (fsm1_state == 0 || b_id == write_id));
end
