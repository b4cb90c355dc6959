"""What one runs: the command line, runs and their folders, pictures, benchmarks. Imports abm; nothing imports it."""
