"""The layouts in DDR memory: images as an engine reads them, results as the accelerator writes them."""
