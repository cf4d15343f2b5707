"""The ResMLP array: 8 or 16 rows x 16 columns of outputs at a time on 64 multipliers, layer after layer."""
