"""Files as they come in, are looked at, kept, sealed and given out."""
