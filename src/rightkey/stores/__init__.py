"""What the processes of a fleet share: documents, a budget and distrusted keys, and no verdicts."""
