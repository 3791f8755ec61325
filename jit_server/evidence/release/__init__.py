"""What is handed over by a release: who took which bytes, and what proves it."""
