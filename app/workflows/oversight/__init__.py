"""What regulators do about it: anomalies, enforcement, appeals, fraud, spot checks, bulletins, capacity."""
