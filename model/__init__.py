"""LST networks in PyTorch: training, quantisation and evaluation. `python -m model --help`."""
