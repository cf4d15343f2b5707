"""One folder an engine. Its `engine.py` declares it in ``SPECS``; `gateware.designs` finds every folder by itself."""
