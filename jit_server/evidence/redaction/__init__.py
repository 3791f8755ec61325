"""Redacted copies made by the server: what was asked, the program that paints over, and what came of it."""
