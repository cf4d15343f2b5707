from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # of the checkout
BUILT = ROOT / "build" / "tests"  # libraries and results that are kept by content hash
