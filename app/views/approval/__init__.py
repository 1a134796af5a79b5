"""Filing forms and applications: applying, the queue, deciding, printing, stand-ins."""
