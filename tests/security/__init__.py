"""What is promised in docs/security.md."""
