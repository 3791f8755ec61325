"""The demonstration: three agencies with their own identity providers, a seeded case, one command. Loopback only."""
