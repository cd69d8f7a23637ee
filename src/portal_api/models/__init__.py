"""Tables, relationships and state changes. No I/O."""
