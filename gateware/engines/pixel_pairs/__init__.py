"""The pixel-pairs engine: two pixels per clock, two weights in each multiplier; one network built in."""
