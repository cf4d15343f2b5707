"""The contract between model, gateware and driver, in NumPy alone: number formats, network file, integer reference."""
from .formats import QFormat, code_range, quantize
from .layers import Activation, Axis, Layer, Network, NetworkError, check_name
from .network_file import NetworkFileError, content_hash, load_network, save_network
from .parameter_image import IMAGE_BYTES, image_crc, parameter_image
from .reference import classify, hidden, logits, pixel_codes

__all__ = ["QFormat", "code_range", "quantize", "Activation", "Axis", "Layer", "Network", "NetworkError", "check_name",
           "NetworkFileError", "content_hash", "load_network", "save_network", "IMAGE_BYTES", "image_crc",
           "parameter_image", "classify", "hidden", "logits", "pixel_codes"]
