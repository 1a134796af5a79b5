"""Plain, slow, obvious answers to what the product computes by sets."""
