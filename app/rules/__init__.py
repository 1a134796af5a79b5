"""The rules of elevator supervision: values in, values out.

Nothing here knows a database, a clock, a configuration or a language catalogue. Numbers that cities
differ on arrive as arguments; the caller takes them from the region's policy.
"""
