"""Saved videos are analysed on schedule."""
