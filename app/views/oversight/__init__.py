"""Inspections, complaints, anomalies, enforcement, fraud, spot checks and bulletins."""
