"""A simulation of freshness, queue and budget together, in virtual time: see docs/simulation.md."""
