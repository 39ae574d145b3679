"""Loads as a page, pictures and tables: records -> series -> figures -> files."""
