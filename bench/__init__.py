"""Side-by-side measurements. `make bench` prints one JSON line a figure; how to add one is said in harness.py."""
