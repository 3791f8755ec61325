"""What an exhibit's bytes are by their own look, and what they say of themselves; the bytes are only ever read."""
