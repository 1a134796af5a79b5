"""Backup and restore: everything that the product keeps, in one file that SQLite and PostgreSQL both give and take."""
