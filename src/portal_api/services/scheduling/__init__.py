"""Scheduling: places, services, hours, free times, and the time that is taken."""
