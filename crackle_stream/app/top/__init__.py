"""`crackle-stream top`: what a running process does, in a terminal.

asking   what its status server says
frame    one picture of it
"""
