"""The core's migrations (`versions/`), the template of every branch's revisions, and the tool that writes them."""
