"""Building blocks that engines share: FIFO, delay, multiplier arrays, tables, transposer, buffers."""
