"""The application's tables, release by release."""
