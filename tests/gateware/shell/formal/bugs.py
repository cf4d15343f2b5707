"""Faults for emitted Verilog, by the rule that each violates: rule -> (text, replacement)."""

from __future__ import annotations

_MOVES = "writer_moves = ((~writer_w_valid) | writer_w_ready)"
_ASK = "if (reader_ask) begin\n\t\treader_ar_valid <= 1'd1;\n"
_ADDRESS = "\t\treader_ar_payload_addr <= reader_address_address;\n"
_COLLECT = "(writer_enough & (~writer_abort))"
_AT = "reader_address_address <= reader_address;"
_R_ID = "slave_r_payload_id_fsm0_next_value6 <= slave_%s_payload_id"
_B_ID = "slave_b_payload_id_fsm1_next_value5 <= slave_%s_payload_id"

READER = {
    "ar_reset": (
        "if (sys_rst) begin\n\t\treader_ar_valid <= 1'd0",
        "if (sys_rst) begin\n\t\treader_ar_valid <= 1'd1",
    ),
    "ar_stays": ("if (reader_ar_ready) begin", "if (1'd1) begin"),
    "ar_holds": (_ASK + _ADDRESS, _ADDRESS + _ASK),
    "ar_fields": ("reader_ar_payload_burst = 1'd1", "reader_ar_payload_burst = 1'd0"),
    "ar_aligned": (_AT, "reader_address_address <= (reader_address + 3'd4);"),
    "ar_4k": (_AT, "reader_address_address <= (reader_address + 7'd64);"),
    "ar_address": (
        "if (reader_ask) begin\n\t\treader_address_address <=",
        "if (1'd0) begin\n\t\treader_address_address <=",
    ),
    "ar_length": ("(reader_last_length - 1'd1)", "reader_last_length"),
    "ar_owed": ("if (reader_is_last) begin", "if (reader_bursts_left == 1'd0) begin"),
    "ar_room": ("(reader_room - 5'd16)", "(reader_room - 4'd8)"),
    "ar_barred": ("& (~reader_abort)) &", ") &"),
    "ar_comes": ("(((reader_more & reader_has_room)", "(((reader_more & reader_has_room & reader_ar_ready)"),
    "r_taken": ("reader_r_ready = 1'd1", "reader_r_ready = reader_fifo_sink_ready"),
    "r_kept": ("(reader_fifo_count < 6'd61)", "(reader_fifo_count < 6'd8)"),
    "source_asked": ("(reader_valid & (~reader_bad))", "reader_valid"),
    "idle_is_quiet": ("(reader_unanswered == 1'd0)", "1'd1"),
    "idle_is_done": ("(~reader_start) & (~reader_more)", "(~reader_start)"),
}
WRITER = {
    "aw_reset": (
        "if (sys_rst) begin\n\t\twriter_aw_valid <= 1'd0",
        "if (sys_rst) begin\n\t\twriter_aw_valid <= 1'd1",
    ),
    "w_reset": ("\t\twriter_w_valid <= 1'd0;", "\t\twriter_w_valid <= 1'd1;"),
    "aw_owed": (_COLLECT, "writer_enough"),
    "aw_aligned": ("writer_address1 <= writer_address0", "writer_address1 <= (writer_address0 + 3'd4)"),
    "aw_comes": (_COLLECT, "((writer_enough & (~writer_abort)) & writer_aw_ready)"),
    "aw_stays": ("if (writer_aw_ready) begin", "if (1'd1) begin"),
    "aw_holds": ("aw_len = writer_aw_payload_len", "aw_len = (writer_length - 1'd1)"),
    "aw_fields": ("writer_aw_payload_size = 2'd3", "writer_aw_payload_size = 2'd2"),
    "aw_4k": ("writer_address1 <= writer_address0", "writer_address1 <= (writer_address0 + 7'd64)"),
    "aw_address": ("writer_address1 <= writer_address0", "writer_address1 <= (writer_address0 + 8'd128)"),
    "aw_length": (
        "writer_aw_payload_len_next_value2 <= (writer_length - 1'd1)",
        "writer_aw_payload_len_next_value2 <= writer_length",
    ),
    "aw_stored": ("(writer_stored >= writer_length)", "1'd1"),
    "aw_barred": (_COLLECT, "writer_enough"),
    "w_stays": (_MOVES, "writer_moves = 1'd1"),
    "w_holds": (_MOVES, "writer_moves = 1'd1"),
    "w_ends": ("(writer_beat == 1'd0);", "(writer_beat == 1'd1);"),
    "w_after_address": ("\t\t\t\tnext_state <= 2'd2;\n\t\t\tend\n", "\t\t\tend\n\t\t\tnext_state <= 2'd2;\n"),
    "w_one_id": ("writer_w_payload_id = 1'd0", "writer_w_payload_id = 1'd1"),
    "w_strobes": ("(writer_abort ? 1'd0 : 8'd255)", "(writer_abort ? 1'd0 : 8'd127)"),
    "w_comes": (
        "writer_w_valid <= (writer_has_kept | writer_out_valid)",
        "writer_w_valid <= ((writer_has_kept | writer_out_valid) & writer_w_ready)",
    ),
    "b_taken": ("writer_b_ready = 1'd1", "writer_b_ready = writer_idle"),
    "idle_is_quiet": ("(writer_unanswered == 1'd0)", "1'd1"),
    "idle_is_done": ("(~writer_start) & (~writer_more)", "(~writer_start)"),
}
SLAVE = {
    "r_reset": ("\tslave_r_valid <= 1'd0;", "\tslave_r_valid <= 1'd1;"),
    "b_reset": ("\tslave_b_valid <= 1'd0;", "\tslave_b_valid <= 1'd1;"),
    "r_stays": ("2'd3: begin\n\t\t\tif (slave_r_ready) begin", "2'd3: begin\n\t\t\tif (1'd1) begin"),
    "r_holds": ("r_data = slave_r_payload_data;", "r_data = data;"),
    "r_ends": ("(beats == 1'd0)", "(beats == 1'd1)"),
    "r_owed": ("if (slave_r_last) begin", "if (1'd0) begin"),
    "r_same_id": (_R_ID % "ar", _R_ID % "aw"),
    "r_okay": ("reg [1:0] slave_r_payload_resp = 2'd0", "wire [1:0] slave_r_payload_resp = {~hit, 1'd0}"),
    "r_comes": ("fsm0_next_state <= 2'd2", "fsm0_next_state <= (slave_r_ready ? 2'd2 : 2'd1)"),
    "w_owed": ("assign w_ready = slave_w_ready", "assign w_ready = (fsm1_state <= 1'd1)"),
    "ar_one": ("assign ar_ready = slave_ar_ready", "assign ar_ready = 1'd1"),
    "aw_one": ("assign aw_ready = slave_aw_ready", "assign aw_ready = 1'd1"),
    "b_stays": ("3'd6: begin\n\t\t\tif (slave_b_ready) begin", "3'd6: begin\n\t\t\tif (1'd1) begin"),
    "b_holds": ("b_id = slave_b_payload_id;", "b_id = aw_id;"),
    "b_owed": ("(slave_w_valid & slave_w_ready) & slave_w_last", "slave_w_valid & slave_w_ready"),
    "b_same_id": (_B_ID % "aw", _B_ID % "w"),
    "b_okay": ("reg [1:0] slave_b_payload_resp = 2'd0", "wire [1:0] slave_b_payload_resp = 2'd3"),
    "b_comes": ("fsm1_next_state <= 3'd5", "fsm1_next_state <= (slave_b_ready ? 3'd5 : 3'd4)"),
}
