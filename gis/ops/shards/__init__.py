"""Counties in databases of their own: what they share, how one is added, what the city reads."""
