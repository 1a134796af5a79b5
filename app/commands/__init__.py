"""`flask …` commands by area; app/cli.py lists them."""
