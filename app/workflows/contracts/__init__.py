"""Maintenance contracts, their changes, and which elevator is under cover on which day."""
