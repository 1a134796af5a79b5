"""Scores, what-if, fair comparison and the policy values behind them."""
