"""What the product is compared with, rebuilt for each run: each framework in a process of its own, on the same rows."""
