"""A server for joint investigation teams: shared workspaces, evidence and the record of who did what."""
