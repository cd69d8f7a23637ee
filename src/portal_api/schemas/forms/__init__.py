"""Forms: templates, what they are made of, and what clients are given."""
