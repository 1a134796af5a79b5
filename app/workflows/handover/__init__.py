"""Who takes an elevator, a ledger or work over from whom, and the lifecycle of an elevator."""
