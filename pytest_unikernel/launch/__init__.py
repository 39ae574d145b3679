"""Start, watch and end instances: the generator, the guards, the supervisors, the clean-up."""
