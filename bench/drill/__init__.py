"""`rightkey drill` before services of others: bare libraries, and products as they are installed."""
