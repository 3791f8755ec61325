"""A package from another server, opened here: what its verifier says, and the exhibits that came of it."""
