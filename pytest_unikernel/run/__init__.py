"""The loads of one pytest run, without pytest: series, knee search, journal, one load from start to end."""
