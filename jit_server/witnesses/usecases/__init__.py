"""What a witness does, and what is asked of one."""
