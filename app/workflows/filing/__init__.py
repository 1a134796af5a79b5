"""What units file of themselves and their elevators, and how it is put right: drafts, checks, effects, parts."""
