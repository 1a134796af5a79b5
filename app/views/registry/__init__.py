"""Regions, units, elevators with their map and parts."""
