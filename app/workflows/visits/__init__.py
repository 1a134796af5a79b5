"""Maintenance visits, on line and sent later, and what a visit counts for."""
