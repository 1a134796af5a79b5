"""The home page and the cockpit."""
