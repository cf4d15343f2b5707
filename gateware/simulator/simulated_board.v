// The board around the design. Its ports are the pins of PS7, which the C++ model drives (ps7.py, board.cpp).
// The model writes the values that the PS drives from the next rising edge on. The *_now registers make them
// true flip-flops in the FCLK domain, so one evaluation per edge is exact. Index 0 .. 3 is S_AXI_HP0 ..
// S_AXI_HP3.

// Primitives that a design instantiates beside PS7. Others come from the argument cells= of build_library.
module BUFG(input I, output O);
    assign O = I;
endmodule

module FDPE #(parameter INIT = 1'b1)(input C, CE, PRE, D, output reg Q);
    initial Q = INIT;
    always @(posedge C or posedge PRE)
        if (PRE) Q <= 1'b1;
        else if (CE) Q <= D;
endmodule

module simulated_board(
    input clk,
    input fclk_resetn,

    output        gp_aclk,
    input  [31:0] gp_araddr,  gp_awaddr,
    input  [ 1:0] gp_arburst, gp_awburst,
    input  [ 3:0] gp_arcache, gp_awcache,
    input  [11:0] gp_arid,    gp_awid,
    input  [ 3:0] gp_arlen,   gp_awlen,
    input  [ 1:0] gp_arlock,  gp_awlock,
    input  [ 2:0] gp_arprot,  gp_awprot,
    input  [ 1:0] gp_arsize,  gp_awsize,
    input         gp_arvalid, gp_awvalid,
    output        gp_arready, gp_awready,
    input  [31:0] gp_wdata,
    input  [11:0] gp_wid,
    input         gp_wlast,
    input  [ 3:0] gp_wstrb,
    input         gp_wvalid,
    output        gp_wready,
    output [31:0] gp_rdata,
    output [11:0] gp_rid,
    output        gp_rlast,
    output [ 1:0] gp_rresp,
    output        gp_rvalid,
    input         gp_rready,
    output [11:0] gp_bid,
    output [ 1:0] gp_bresp,
    output        gp_bvalid,
    input         gp_bready,

    output        hp_aclk    [0:3],
    output [31:0] hp_araddr  [0:3], hp_awaddr  [0:3],
    output [ 1:0] hp_arburst [0:3], hp_awburst [0:3],
    output [ 3:0] hp_arcache [0:3], hp_awcache [0:3],
    output [ 5:0] hp_arid    [0:3], hp_awid    [0:3],
    output [ 3:0] hp_arlen   [0:3], hp_awlen   [0:3],
    output [ 1:0] hp_arlock  [0:3], hp_awlock  [0:3],
    output [ 2:0] hp_arprot  [0:3], hp_awprot  [0:3],
    output [ 1:0] hp_arsize  [0:3], hp_awsize  [0:3],
    output        hp_arvalid [0:3], hp_awvalid [0:3],
    input         hp_arready [0:3], hp_awready [0:3],
    output [63:0] hp_wdata   [0:3],
    output [ 5:0] hp_wid     [0:3],
    output        hp_wlast   [0:3],
    output [ 7:0] hp_wstrb   [0:3],
    output        hp_wvalid  [0:3],
    input         hp_wready  [0:3],
    input  [63:0] hp_rdata   [0:3],
    input  [ 5:0] hp_rid     [0:3],
    input         hp_rlast   [0:3],
    input  [ 1:0] hp_rresp   [0:3],
    input         hp_rvalid  [0:3],
    output        hp_rready  [0:3],
    input  [ 5:0] hp_bid     [0:3],
    input  [ 1:0] hp_bresp   [0:3],
    input         hp_bvalid  [0:3],
    output        hp_bready  [0:3]
);

    reg [31:0] gp_araddr_now,  gp_awaddr_now;
    reg [ 1:0] gp_arburst_now, gp_awburst_now;
    reg [ 3:0] gp_arcache_now, gp_awcache_now;
    reg [11:0] gp_arid_now,    gp_awid_now;
    reg [ 3:0] gp_arlen_now,   gp_awlen_now;
    reg [ 1:0] gp_arlock_now,  gp_awlock_now;
    reg [ 2:0] gp_arprot_now,  gp_awprot_now;
    reg [ 1:0] gp_arsize_now,  gp_awsize_now;
    reg        gp_arvalid_now, gp_awvalid_now;
    reg [31:0] gp_wdata_now;
    reg [11:0] gp_wid_now;
    reg        gp_wlast_now;
    reg [ 3:0] gp_wstrb_now;
    reg        gp_wvalid_now;
    reg        gp_rready_now;
    reg        gp_bready_now;

    reg        hp_arready_now [0:3], hp_awready_now [0:3], hp_wready_now [0:3];
    reg [63:0] hp_rdata_now   [0:3];
    reg [ 5:0] hp_rid_now     [0:3], hp_bid_now     [0:3];
    reg        hp_rlast_now   [0:3];
    reg [ 1:0] hp_rresp_now   [0:3], hp_bresp_now   [0:3];
    reg        hp_rvalid_now  [0:3], hp_bvalid_now  [0:3];

    always @(posedge clk) begin
        gp_araddr_now  <= gp_araddr;   gp_awaddr_now  <= gp_awaddr;
        gp_arburst_now <= gp_arburst;  gp_awburst_now <= gp_awburst;
        gp_arcache_now <= gp_arcache;  gp_awcache_now <= gp_awcache;
        gp_arid_now    <= gp_arid;     gp_awid_now    <= gp_awid;
        gp_arlen_now   <= gp_arlen;    gp_awlen_now   <= gp_awlen;
        gp_arlock_now  <= gp_arlock;   gp_awlock_now  <= gp_awlock;
        gp_arprot_now  <= gp_arprot;   gp_awprot_now  <= gp_awprot;
        gp_arsize_now  <= gp_arsize;   gp_awsize_now  <= gp_awsize;
        gp_arvalid_now <= gp_arvalid;  gp_awvalid_now <= gp_awvalid;
        gp_wdata_now   <= gp_wdata;    gp_wid_now     <= gp_wid;
        gp_wlast_now   <= gp_wlast;    gp_wstrb_now   <= gp_wstrb;
        gp_wvalid_now  <= gp_wvalid;
        gp_rready_now  <= gp_rready;   gp_bready_now  <= gp_bready;

        hp_arready_now <= hp_arready;  hp_awready_now <= hp_awready;
        hp_wready_now  <= hp_wready;
        hp_rdata_now   <= hp_rdata;    hp_rid_now     <= hp_rid;
        hp_rlast_now   <= hp_rlast;    hp_rresp_now   <= hp_rresp;
        hp_rvalid_now  <= hp_rvalid;
        hp_bid_now     <= hp_bid;      hp_bresp_now   <= hp_bresp;
        hp_bvalid_now  <= hp_bvalid;
    end

    lst1_top design_on_board();

endmodule
