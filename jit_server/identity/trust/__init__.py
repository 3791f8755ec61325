"""Trust through a chain of signed statements instead of manual registration (OpenID Federation 1.0)."""
