"""Passwords in tests are hashed with the least work; what is told of the work itself is told of the product's numbers.

With those, each password that a test sets or types costs a quarter of a second.
"""

from __future__ import annotations

from app.models import account

PRODUCTS = account.HASHING
LEAST = "scrypt:128:8:1"  # fewer rounds do not fit into the memory that goes with them


def use(numbers: str) -> None:
    account.HASHING = numbers
    account._hash_of_nobody.cache_clear()
