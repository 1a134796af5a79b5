"""Inspections and tests: results, reports handed in, and what is due when."""
