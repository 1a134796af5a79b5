"""Persons: filing, invitations, joining a unit, one unit at a time, who may work."""
