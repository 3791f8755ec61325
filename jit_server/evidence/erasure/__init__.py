"""How long exhibits are kept, and what is left when they are gone: a tombstone and receipts."""
