"""Input and output of scheduling, a module a resource."""
