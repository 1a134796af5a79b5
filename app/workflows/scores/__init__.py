"""Scores of the six items, their records, ratings, what-if and back-tests of policies."""
