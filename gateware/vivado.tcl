# Run by `make bitstream`, or by hand beside the emitted sources: vivado -mode batch -source vivado.tcl -tclargs PART
# Writes lst1_top.bit and result.json; any violated timing, unclocked register or error ends it with a message and status 1.

set part [lindex $argv 0]
if {$part eq ""} {
    puts stderr "vivado.tcl: give the part, e.g. -tclargs xc7z010clg400-1"
    exit 1
}
if {![string match "2023.2*" [version -short]]} {
    puts "WARNING: written for Vivado 2023.2, this is [version -short]"
}

create_project -in_memory -part $part
read_verilog lst1_top.v
read_xdc lst1_top.xdc
synth_design -top lst1_top -part $part
opt_design
place_design
phys_opt_design
route_design

report_timing_summary -file timing.rpt
report_utilization -file utilization.rpt
report_drc -file drc.rpt

set unclocked [check_timing -override_defaults {no_clock} -return_string]
if {![regexp {There are 0 register/latch pins with no clock} $unclocked]} {
    puts stderr "vivado.tcl: registers without a clock:\n$unclocked"
    exit 1
}

proc slack {kind} {
    set path [get_timing_paths -max_paths 1 -nworst 1 $kind]
    if {[llength $path] == 0} {
        puts stderr "vivado.tcl: no $kind path is constrained: the clock is missing"
        exit 1
    }
    return [get_property SLACK $path]
}
proc cells {pattern} {
    return [llength [get_cells -hierarchical -filter "IS_PRIMITIVE && REF_NAME =~ $pattern"]]
}
set setup [slack -setup]
set hold [slack -hold]
set file [open result.json w]
puts $file "{\"vivado\": \"[version -short]\", \"setup_slack_ns\": $setup, \"hold_slack_ns\": $hold,"
puts $file " \"lut_cells\": [cells LUT*], \"ff\": [cells FD*], \"ramb18\": [cells RAMB18*], \"ramb36\": [cells RAMB36*],"
puts $file " \"dsp48e1\": [cells DSP48E1]}"
close $file
if {$setup < 0 || $hold < 0} {
    puts stderr "vivado.tcl: timing is not met (setup slack $setup ns, hold slack $hold ns): see timing.rpt"
    exit 1
}
write_bitstream -force lst1_top.bit
