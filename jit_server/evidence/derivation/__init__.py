"""Exhibits made from other exhibits: the row that says so, and what is shown and packed of it."""
