"""Resumable upload by tus 1.0 (https://tus.io): parts of a declared upload, joined without a copy."""
