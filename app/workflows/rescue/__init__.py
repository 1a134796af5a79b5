"""Rescue of trapped persons: calls, the desk, help, callbacks, past rescues."""
