"""Imports, reports, the audit log and personal data."""
