"""Free times: what can be booked when, and why something cannot."""
