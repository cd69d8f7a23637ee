"""HTTP plumbing that knows no domain: how a request becomes one call of a service and one answer."""
