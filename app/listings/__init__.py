"""Lists by entity: columns, search, filters and tabs, shared by screens and exports."""
