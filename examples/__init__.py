"""Programs that specialise an algorithm to what is known: each says what it takes, and prints what became of it."""
