"""Verbs of the room, by whom they concern: agencies (the operator), sign-in (anybody), account (a signed-in person)."""
