"""Contracts, ledgers, teams, orders, visits, the calendar, cover and capacity."""
