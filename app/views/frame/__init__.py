"""What every screen is made of: the base view, menu, lists, cells, words, uploads, errors."""
