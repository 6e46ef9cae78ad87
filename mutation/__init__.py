"""Whether the tests see a fault: each mutant is the library with a small one, by which a test must fail."""
