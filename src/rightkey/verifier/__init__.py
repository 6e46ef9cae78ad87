"""What users call: verifiers for threads and for tasks, locate, and the path explained."""
