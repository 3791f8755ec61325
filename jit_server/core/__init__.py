"""What every room stands on: settings, database, errors, clock, vault, bus and keys. Knows no room."""
