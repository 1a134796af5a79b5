"""Accounts, signing in and the second step, profile, tokens, sub-accounts and their rights."""
