"""Papers that a unit or a person hands in and that end: commitments, insurance, declarations, certificates."""
