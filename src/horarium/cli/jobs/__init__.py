"""`horarium jobs`: what runs when."""
