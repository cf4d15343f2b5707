# Run by `make bitstream`, or by hand beside the emitted sources: vivado -mode batch -source vivado.tcl -tclargs PART
# Writes a project for Vivado's window, reports, result.json and lst1_top.bit. Violated timing, an unclocked register or any
# error ends it with a message and status 1.

set sources {lst1_top.v}
set constraints {lst1_top.xdc}

proc fail {message} {
    puts stderr "vivado.tcl: $message"
    exit 1
}

set part [lindex $argv 0]
if {$part eq ""} {
    fail "give the part, e.g. -tclargs xc7z010clg400-1"
}
if {![string match "2023.2*" [version -short]]} {
    puts "WARNING: vivado.tcl is written for Vivado 2023.2, this is [version -short]"
}

# To look at by hand: project/lst1_top.xpr. The build below is step by step and needs nothing of it.
create_project -force lst1_top project -part $part
add_files $sources
add_files -fileset constrs_1 $constraints
set_property top lst1_top [current_fileset]
close_project

create_project -in_memory -part $part
read_verilog $sources
read_xdc $constraints
synth_design -top lst1_top -part $part
opt_design
place_design
phys_opt_design
route_design

report_timing_summary -file timing.rpt
report_utilization -file utilization.rpt
report_drc -file drc.rpt

set unclocked [check_timing -override_defaults {no_clock} -return_string]
set file [open clocks.rpt w]
puts $file $unclocked
close $file
if {![regexp {There are 0 register/latch pins with no clock} $unclocked]} {
    fail "registers without a clock: see clocks.rpt"
}

proc slack {kind} {
    set path [get_timing_paths -max_paths 1 -nworst 1 $kind]
    if {[llength $path] == 0} {
        fail "no $kind path is constrained: the clock is missing"
    }
    return [get_property SLACK $path]
}
proc cells {pattern} {
    return [llength [get_cells -hierarchical -filter "IS_PRIMITIVE && REF_NAME =~ $pattern"]]
}
set setup [slack -setup]
set hold [slack -hold]
set file [open result.json w]
puts $file "{\"vivado\": \"[version -short]\", \"setup_slack_ns\": $setup, \"hold_slack_ns\": $hold, \"cells\": {"
puts $file " \"lut\": [cells LUT*], \"ff\": [cells FD*], \"ramb18\": [cells RAMB18*], \"ramb36\": [cells RAMB36*],"
puts $file " \"dsp48e1\": [cells DSP48E1]}}"
close $file
if {$setup < 0 || $hold < 0} {
    fail "timing is not met (setup slack $setup ns, hold slack $hold ns): see timing.rpt"
}
write_bitstream -force lst1_top.bit
