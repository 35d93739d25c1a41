"""Results in the words of people, the same on screen, on the command line and in files."""
