"""Rows to text: columns and numbers, JSON, highlighting. Knows neither drgn nor files."""
