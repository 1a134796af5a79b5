"""Accounts and how somebody proves that one is his: passwords, second factors, sessions, tokens."""
