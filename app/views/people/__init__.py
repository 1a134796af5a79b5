"""Persons, invitations, leaving, declarations and commitments."""
