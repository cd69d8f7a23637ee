"""Entry points without HTTP."""
