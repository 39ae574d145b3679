"""The plan of a sweep: targets, schedules, settings, objectives and tolerances. Pure."""
