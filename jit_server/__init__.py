"""A server for joint investigation teams: shared workspaces, evidence and the record of who did what."""

__version__ = "0.1.0"
