"""What a package for court holds beside the exhibits: pure texts and forms, without rows, policy or wire."""
