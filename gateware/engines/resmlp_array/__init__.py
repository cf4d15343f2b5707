"""The ResMLP array: 16 x 16 outputs at a time, four products in a multiplier, layer after layer."""
