"""Every word and table that a terminal shows. Pure: records in, lines of text out."""
