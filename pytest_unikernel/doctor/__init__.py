"""The targets that run on this host, the cures for those that don't, and the sources of noise.

check.py            one finding: a frozen record; every "no" has a reason and a cure
variants.py         the targets that are asked, with their usual variants
running.py          those checks that start programs, side by side and bounded
examination.py      all groups together
"""
