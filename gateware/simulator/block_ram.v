// Contents, ports and output registers of a block RAM, by the rules of Xilinx's UG473.
//
// Addresses count data bits. A word of 9 bits or more has a parity bit for every 8 data bits. Where UG473 says
// that a read value or a written bit is unknown, it is the inverse of the expected one: two ports meet in a
// location, one of them writes, and the other one writes too or the writing port is not READ_FIRST.
// A simulation stops at what no design of ours may have: ports with different clocks.
/* verilator lint_off BLKSEQ */
module block_ram #(
    parameter ADDRESS = 14,
    parameter integer DATA = 1 << ADDRESS,
    parameter integer HALF = DATA / 1024,  // data bits of one port; a simple dual-port RAM joins both ports
    parameter [DATA-1:0] CONTENTS = 0,
    parameter [DATA/8-1:0] PARITY = 0,
    parameter integer READ_WIDTH_A = 0, WRITE_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_B = 0,
    parameter WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST",
    parameter RSTREG_PRIORITY_A = "RSTREG", RSTREG_PRIORITY_B = "RSTREG",
    parameter integer DOA_REG = 0, DOB_REG = 0,
    parameter [35:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0
)(
    input clk_a, clk_b, en_a, en_b, regce_a, regce_b, rstram_a, rstram_b, rstreg_a, rstreg_b,
    input [ADDRESS-1:0] address_a, address_b,
    input [63:0] di_a, di_b,
    input [7:0] dip_a, dip_b, we_a, we_b,
    output [63:0] do_a, do_b,
    output [7:0] dop_a, dop_b
);
    function integer data_bits(input integer width);
        data_bits = width >= 9 ? width / 9 * 8 : width > 0 ? width : 1;
    endfunction

    // Parity and data of a reset or initial value. That of a word over both ports has a half in each of two
    // parameters.
    function [71:0] split(input integer width, input [35:0] low, input [35:0] high);
        integer half;
        begin
            half = data_bits(width) > HALF ? HALF : data_bits(width);
            split = {36'd0, low} & ~(~72'd0 << half);
            split[71:64] = 8'(low >> half);
            if (data_bits(width) > HALF) begin
                split = split | ({36'd0, high} & ~(~72'd0 << half)) << half;
                split[71:64] = split[71:64] & ~(8'hFF << half / 8) | 8'(high >> half) << half / 8;
            end
        end
    endfunction

    // Room for a word of 64 bits at the last address.
    reg [DATA+63:0] data = {64'd0, CONTENTS};
    reg [DATA/8+7:0] parity = {8'd0, PARITY};
    reg [71:0] latch_a = split(READ_WIDTH_A, INIT_A, INIT_B), latch_b = split(READ_WIDTH_B, INIT_B, 0);
    reg [71:0] register_a = split(READ_WIDTH_A, INIT_A, INIT_B), register_b = split(READ_WIDTH_B, INIT_B, 0);
    assign {dop_a, do_a} = DOA_REG != 0 ? register_a : latch_a;
    assign {dop_b, do_b} = DOB_REG != 0 ? register_b : latch_b;

    // The first data bit of the word at an address.
    function integer first(input [ADDRESS-1:0] address, input integer width);
        first = 32'(address) & ~(data_bits(width) - 1);
    endfunction

    function [71:0] word(input [ADDRESS-1:0] address, input integer width);
        integer at;
        begin
            at = first(address, width);
            word[63:0] = data[at +: 64] & ~64'd0 >> (64 - data_bits(width));
            word[71:64] = parity[at / 8 +: 8] & 8'hFF >> (8 - width / 9);
        end
    endfunction

    task write(
        input [ADDRESS-1:0] address, input integer width, input [63:0] di, input [7:0] dip, we, input unknown
    );
        integer at, part;
        begin
            at = first(address, width);
            if (width < 9) begin
                for (part = 0; part < width; part = part + 1) if (we[0]) data[at + part] = di[part] ^ unknown;
            end else
                for (part = 0; part < width / 9; part = part + 1)
                    if (we[part]) begin
                        data[at + 8 * part +: 8] = di[8 * part +: 8] ^ {8{unknown}};
                        parity[at / 8 + part] = dip[part] ^ unknown;
                    end
        end
    endtask

    // Whether the words at two addresses share a bit.
    function meet(input [ADDRESS-1:0] a, input integer width_a, input [ADDRESS-1:0] b, input integer width_b);
        meet = first(a, width_a) < first(b, width_b) + data_bits(width_b)
            && first(b, width_b) < first(a, width_a) + data_bits(width_a);
    endfunction

    reg writes_a, writes_b, both, unknown_a, unknown_b;
    reg [71:0] before_a, before_b;

    task clock;
        begin
            writes_a = en_a && WRITE_WIDTH_A != 0 && we_a != 0;
            writes_b = en_b && WRITE_WIDTH_B != 0 && we_b != 0;
            both = writes_a && writes_b && meet(address_a, WRITE_WIDTH_A, address_b, WRITE_WIDTH_B);
            unknown_a = writes_b && WRITE_MODE_B != "READ_FIRST"
                && meet(address_a, READ_WIDTH_A, address_b, WRITE_WIDTH_B);
            unknown_b = writes_a && WRITE_MODE_A != "READ_FIRST"
                && meet(address_b, READ_WIDTH_B, address_a, WRITE_WIDTH_A);
            before_a = word(address_a, READ_WIDTH_A);
            before_b = word(address_b, READ_WIDTH_B);
            if (writes_a) write(address_a, WRITE_WIDTH_A, di_a, dip_a, we_a, both);
            if (writes_b) write(address_b, WRITE_WIDTH_B, di_b, dip_b, we_b, both);

            if (rstreg_a && (RSTREG_PRIORITY_A == "RSTREG" || regce_a))
                register_a <= split(READ_WIDTH_A, SRVAL_A, SRVAL_B);
            else if (regce_a) register_a <= latch_a;
            if (rstreg_b && (RSTREG_PRIORITY_B == "RSTREG" || regce_b))
                register_b <= split(READ_WIDTH_B, SRVAL_B, 0);
            else if (regce_b) register_b <= latch_b;

            if (en_a)
                if (rstram_a) latch_a <= split(READ_WIDTH_A, SRVAL_A, SRVAL_B);
                else if (!writes_a || WRITE_MODE_A == "READ_FIRST") latch_a <= before_a ^ {72{unknown_a}};
                else if (WRITE_MODE_A == "WRITE_FIRST") latch_a <= word(address_a, READ_WIDTH_A);
            if (en_b)
                if (rstram_b) latch_b <= split(READ_WIDTH_B, SRVAL_B, 0);
                else if (!writes_b || WRITE_MODE_B == "READ_FIRST") latch_b <= before_b ^ {72{unknown_b}};
                else if (WRITE_MODE_B == "WRITE_FIRST") latch_b <= word(address_b, READ_WIDTH_B);
        end
    endtask

    generate
        if (READ_WIDTH_A + WRITE_WIDTH_A == 0) begin : port_b_alone
            always @(posedge clk_b) clock;
        end else begin : port_a
            always @(posedge clk_a) begin
                if (READ_WIDTH_B + WRITE_WIDTH_B > 0 && !clk_b) begin
                    $display("block RAM %m: the clocks of its ports must be one");
                    $stop;
                end
                clock;
            end
        end
    endgenerate
endmodule
