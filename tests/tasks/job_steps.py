"""How many steps the killable job has; apart from it, for importing the job replaces the real handler of its kind."""

STEPS = 10
