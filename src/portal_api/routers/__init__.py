"""HTTP only: path, permission, status, one service call."""
