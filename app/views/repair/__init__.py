"""Repairs and their statistics."""
