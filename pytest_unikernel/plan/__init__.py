"""What is asked: targets (what), schedules (when), settings (how long), objectives (what must hold). Pure."""
