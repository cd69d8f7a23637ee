"""Foundations that know no domain: configuration, database, access, errors, tokens."""
