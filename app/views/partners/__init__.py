"""Devices, the provincial register, channels of notices, open data."""
