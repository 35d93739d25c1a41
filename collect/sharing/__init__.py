"""What others fetch: partners with their tokens, and the releases cut for them."""
