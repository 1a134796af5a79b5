"""Whatever waits for an officer: handing in, limits, two persons, stand-ins, versions of filings, policy values."""
