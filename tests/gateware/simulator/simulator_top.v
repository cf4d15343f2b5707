// A design that keeps or breaks the bus rules on demand, to test the simulated board. Registers, from 0x40000000:
//   00 R  0x54455354               04 RW scratch            08 R  a register that nothing initialises
//   0C W  start: 1 read, 2 write   10 RW address            14 RW bursts (consecutive, back to back)
//   18 RW fields: 3:0 len, 5:4 size, 7:6 burst, 9:8 lock, 12:10 prot, 16:13 cache, 22:17 id
//   1C RW mode, see module traffic                          20 RW strobes
//   24 R  bit p: HP0, HP2 busy     28 R  worst response     2C R  cycles from start to the first beat or response
//   30 R  cycles from start to end 34 RW how GP0 misbehaves, see below   38 R beats taken   3C R last data, low word
//   40 R  FCLK cycles since reset
//   44 W  what is inverted while it waits: 22:0 fields of an address; 23 WSTRB, 24 WID, 25 WLAST of data
module lst1_top;
    wire [3:0] fclk_clk, fclk_resetn;
    wire clk;
    reg [1:0] resetn_taps;
    wire resetn = resetn_taps[1];
    BUFG clock_buffer(.I(fclk_clk[0]), .O(clk));
    always @(posedge clk or negedge fclk_resetn[0])
        if (!fclk_resetn[0]) resetn_taps <= 0;
        else resetn_taps <= {resetn_taps[0], 1'b1};

    // GP0: one read and one write at a time.
    wire [31:0] araddr, awaddr, wdata; wire [11:0] arid, awid; wire [3:0] arlen;
    wire arvalid, awvalid, wvalid, wlast, rready, bready;
    reg reading, writing_address, writing_data, aw_taken; reg [31:0] read_at, write_at; reg [11:0] rid, bid; reg [3:0] beats_left;
    reg [31:0] scratch, address, bursts, mode, gp_mode, wobble, time_base; reg [22:0] fields; reg [7:0] strobes; reg [25:0] inverted;
    reg [31:0] uninitialised; reg start_read, start_write, bvalid, dropped;
    wire [1:0] busy; wire [1:0] response [0:1]; wire [31:0] first_beat [0:1], last_beat [0:1], beats [0:1], last_data [0:1];
    wire [31:0] first_mode = gp_mode;
    wire arready = !reading && first_mode != 8;
    wire awready = !aw_taken && !bvalid && gp_mode != 9;
    wire wready = aw_taken && !bvalid;
    wire rvalid = (reading && fetched && !(gp_mode == 10 && dropped)) || gp_mode == 6;
    wire early_bvalid = gp_mode == 7 && awvalid && !aw_taken;
    reg [31:0] rdata, rdata_held; reg fetched;
    always @(*)
        case (read_at[7:2])
            0: rdata = 32'h54455354;    1: rdata = scratch;          2: rdata = uninitialised;
            4: rdata = address;         5: rdata = bursts;           6: rdata = {9'd0, fields};
            7: rdata = mode;            8: rdata = {24'd0, strobes}; 9: rdata = {30'd0, busy};
            10: rdata = {30'd0, response[0] | response[1]};          11: rdata = first_beat[0];
            12: rdata = last_beat[0] > last_beat[1] ? last_beat[0] : last_beat[1];
            13: rdata = gp_mode;        14: rdata = beats[0] + beats[1];  15: rdata = last_data[0];
            16: rdata = time_base;      default: rdata = 0;
        endcase
    always @(posedge clk) begin
        start_read <= 0; start_write <= 0; time_base <= time_base + 1; wobble <= wobble + 1;
        if (arvalid && arready) begin reading <= 1; read_at <= araddr; rid <= arid; beats_left <= arlen; dropped <= 0; fetched <= 0; end
        else if (reading && !fetched) begin rdata_held <= rdata; fetched <= 1; end
        if (rvalid && !rready) dropped <= 1;
        if (reading && rvalid && rready) begin
            if (beats_left == 0) reading <= 0;
            beats_left <= beats_left - 1; read_at <= read_at + 4; fetched <= 0;
        end
        if (awvalid && awready) begin aw_taken <= 1; write_at <= awaddr; bid <= awid; end
        if (wvalid && wready) begin
            write_at <= write_at + 4;
            if (wlast) begin aw_taken <= 0; bvalid <= 1; end
            case (write_at[7:2])
                1: scratch <= wdata;  3: begin start_read <= wdata[0]; start_write <= wdata[1]; end
                4: address <= wdata;  5: bursts <= wdata;  6: fields <= wdata[22:0];  7: mode <= wdata;
                8: strobes <= wdata[7:0];  13: gp_mode <= wdata;  17: inverted <= wdata[25:0];  default: ;
            endcase
        end
        if (bvalid && bready) bvalid <= 0;
        if (!resetn) begin
            reading <= 0; fetched <= 0; aw_taken <= 0; bvalid <= 0; gp_mode <= 0; mode <= 0; bursts <= 1; strobes <= 8'hFF; time_base <= 0; inverted <= 0;
            fields <= {6'd0, 4'd3, 3'd0, 2'd0, 2'd1, 2'd3, 4'd15}; wobble <= 0; dropped <= 0;
        end
    end

    wire [22:0] fields0 = fields ^ (inverted[22:0] & {23{m0.waited}}), fields2 = fields ^ (inverted[22:0] & {23{m2.waited}});
`define HP(p) .SAXIHP``p``ACLK(clk), \
    .SAXIHP``p``ARADDR(m``p``.araddr), .SAXIHP``p``ARVALID(m``p``.arvalid), .SAXIHP``p``ARREADY(m``p``.arready), \
    .SAXIHP``p``ARLEN(fields``p``[3:0]), .SAXIHP``p``ARSIZE(fields``p``[5:4]), .SAXIHP``p``ARBURST(fields``p``[7:6]), .SAXIHP``p``ARLOCK(fields``p``[9:8]), \
    .SAXIHP``p``ARPROT(fields``p``[12:10]), .SAXIHP``p``ARCACHE(fields``p``[16:13]), .SAXIHP``p``ARID(fields``p``[22:17]), \
    .SAXIHP``p``AWADDR(m``p``.awaddr), .SAXIHP``p``AWVALID(m``p``.awvalid), .SAXIHP``p``AWREADY(m``p``.awready), \
    .SAXIHP``p``AWLEN(fields``p``[3:0]), .SAXIHP``p``AWSIZE(fields``p``[5:4]), .SAXIHP``p``AWBURST(fields``p``[7:6]), .SAXIHP``p``AWLOCK(fields``p``[9:8]), \
    .SAXIHP``p``AWPROT(fields``p``[12:10]), .SAXIHP``p``AWCACHE(fields``p``[16:13]), .SAXIHP``p``AWID(fields``p``[22:17]), \
    .SAXIHP``p``WDATA(m``p``.wdata), .SAXIHP``p``WSTRB(strobes ^ {7'd0, inverted[23] && m``p``.w_waited}), \
    .SAXIHP``p``WID(fields[22:17] ^ {5'd0, mode[4] ^ (inverted[24] && m``p``.w_waited)}), \
    .SAXIHP``p``WLAST(m``p``.wlast ^ (inverted[25] && m``p``.w_waited)), .SAXIHP``p``WVALID(m``p``.wvalid), .SAXIHP``p``WREADY(m``p``.wready), \
    .SAXIHP``p``RDATA(m``p``.rdata), .SAXIHP``p``RRESP(m``p``.rresp), .SAXIHP``p``RLAST(m``p``.rlast), \
    .SAXIHP``p``RVALID(m``p``.rvalid), .SAXIHP``p``RREADY(m``p``.rready), \
    .SAXIHP``p``BRESP(m``p``.bresp), .SAXIHP``p``BVALID(m``p``.bvalid), .SAXIHP``p``BREADY(m``p``.bready)

    traffic m0(.clk, .resetn, .enabled(1'b1), .start_read, .start_write, .address, .bursts, .mode, .length(fields[3:0]),
               .busy(busy[0]), .response(response[0]), .first_beat(first_beat[0]), .last_beat(last_beat[0]), .beats(beats[0]),
               .last_data(last_data[0]));
    traffic m2(.clk, .resetn, .enabled(mode[8]), .start_read, .start_write, .address(address + 32'h8000), .bursts, .mode, .length(fields[3:0]),
               .busy(busy[1]), .response(response[1]), .first_beat(first_beat[1]), .last_beat(last_beat[1]), .beats(beats[1]),
               .last_data(last_data[1]));

    PS7 ps7(.FCLKCLK(fclk_clk), .FCLKRESETN(fclk_resetn), .MAXIGP0ACLK(clk),
        .MAXIGP0ARADDR(araddr), .MAXIGP0ARID(arid), .MAXIGP0ARLEN(arlen), .MAXIGP0ARVALID(arvalid), .MAXIGP0ARREADY(arready),
        .MAXIGP0RDATA(gp_mode == 5 ? wobble : rdata_held), .MAXIGP0RID(gp_mode == 1 ? ~rid : rid), .MAXIGP0RLAST((beats_left == 0) ^ (gp_mode == 3)),
        .MAXIGP0RRESP(gp_mode == 4 ? 2'd2 : 2'd0), .MAXIGP0RVALID(rvalid), .MAXIGP0RREADY(rready),
        .MAXIGP0AWADDR(awaddr), .MAXIGP0AWID(awid), .MAXIGP0AWVALID(awvalid), .MAXIGP0AWREADY(awready),
        .MAXIGP0WDATA(wdata), .MAXIGP0WLAST(wlast), .MAXIGP0WVALID(wvalid), .MAXIGP0WREADY(wready),
        .MAXIGP0BID(gp_mode == 2 ? ~bid : bid), .MAXIGP0BRESP(2'd0), .MAXIGP0BVALID(bvalid || early_bvalid), .MAXIGP0BREADY(bready),
        `HP(0), `HP(2));
endmodule

// Reads into, or writes from, a buffer of 16 beats. mode: 0 drop AxVALID while waiting, 1 change AxADDR while waiting,
// 2 WLAST early, 3 no WLAST, 4 wrong WID (above), 5 drop WVALID while waiting, 6 change WDATA while waiting,
// 7 write data before the address, 8 HP2 joins in.
module traffic(input clk, input resetn, input enabled, input start_read, input start_write, input [31:0] address,
               input [31:0] bursts, input [31:0] mode, input [3:0] length, output busy, output reg [1:0] response,
               output reg [31:0] first_beat, output reg [31:0] last_beat, output reg [31:0] beats, output [31:0] last_data);
    wire arready, awready, wready, rvalid, rlast, bvalid; wire [63:0] rdata; wire [1:0] rresp, bresp;
    reg [31:0] ar_left, aw_left, w_left, r_left, b_left, araddr_q, awaddr_q, elapsed; reg [3:0] w_beat, r_beat;
    reg waited, w_waited; reg [63:0] buffer [0:15];
    wire arvalid = ar_left != 0 && !(mode[0] && waited);
    wire awvalid = aw_left != 0 && !(mode[0] && waited) && !(mode[7] && w_left == aw_left);
    wire wvalid = w_left != 0 && !(mode[5] && w_waited) && (mode[7] || w_left > aw_left);
    wire [31:0] shift = mode[1] && waited ? 128 : 0;
    wire [31:0] araddr = araddr_q + shift, awaddr = awaddr_q + shift;
    wire [63:0] wdata = buffer[w_beat] ^ {63'd0, mode[6] && w_waited};
    wire wlast = (w_beat == length && !mode[3]) || (mode[2] && w_beat == 1);
    wire rready = 1, bready = 1;
    assign last_data = buffer[length][31:0];
    assign busy = r_left != 0 || b_left != 0;
    always @(posedge clk) begin
        elapsed <= elapsed + 1;
        waited <= (arvalid && !arready) || (awvalid && !awready);
        w_waited <= wvalid && !wready;
        if (arvalid && arready) begin ar_left <= ar_left - 1; araddr_q <= araddr_q + {25'd0, length + 7'd1} * 8; end
        if (awvalid && awready) begin aw_left <= aw_left - 1; awaddr_q <= awaddr_q + {25'd0, length + 7'd1} * 8; end
        if (wvalid && wready) begin
            w_beat <= w_beat == length ? 0 : w_beat + 1;
            if (w_beat == length) w_left <= w_left - 1;
        end
        if (rvalid) begin
            buffer[r_beat] <= rdata; response <= response | rresp; beats <= beats + 1; last_beat <= elapsed;
            r_beat <= rlast ? 0 : r_beat + 1;
            if (beats == 0) first_beat <= elapsed;
            if (rlast) r_left <= r_left - 1;
        end
        if (bvalid) begin
            response <= response | bresp; last_beat <= elapsed; beats <= beats + {27'd0, length} + 1;
            if (beats == 0) first_beat <= elapsed;
            b_left <= b_left - 1;
        end
        if (enabled && (start_read || start_write)) begin
            araddr_q <= address; awaddr_q <= address; elapsed <= 0; response <= 0; beats <= 0; w_beat <= 0; r_beat <= 0;
            if (start_read) begin ar_left <= bursts; r_left <= bursts; end
            if (start_write) begin aw_left <= bursts; w_left <= bursts; b_left <= bursts; end
        end
        if (!resetn) begin
            ar_left <= 0; aw_left <= 0; w_left <= 0; r_left <= 0; b_left <= 0; waited <= 0; w_waited <= 0;
            w_beat <= 0; r_beat <= 0; beats <= 0; last_beat <= 0; response <= 0;
        end
    end
endmodule
