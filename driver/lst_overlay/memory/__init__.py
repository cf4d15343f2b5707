"""What lies in DDR memory: images as an engine reads them, results as it writes them."""
