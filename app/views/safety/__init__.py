"""Rescues, and the daily safety duties of the use unit."""
