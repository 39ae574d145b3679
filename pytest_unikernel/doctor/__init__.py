"""What runs on this host, what doesn't and what cures it, and what will make figures noisy.

check.py            one finding: a frozen record; every "no" has a reason and a cure
effects.py          what disturbs figures, how, and what cures it; also for the summary of a sweep
variants.py         the targets that are asked, with their usual variants
running.py          those checks that start programs, side by side and bounded
examination.py      all groups together
"""
