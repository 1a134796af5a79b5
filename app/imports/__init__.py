"""Workbooks in: read, checked cell by cell, previewed, imported in steps that a killed job takes up again."""
