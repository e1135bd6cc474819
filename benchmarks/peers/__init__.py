"""What we are measured beside: programs of other libraries, each a file that runs without ours."""
