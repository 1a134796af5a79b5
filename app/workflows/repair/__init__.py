"""Repairs from a report to their confirmation."""
