"""Consent, emergencies and acts of two people: how a refusal is answered, and by whom, until when."""
