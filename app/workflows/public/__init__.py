"""What strangers may do and read: complaints, messages, the page behind the code, open data."""
