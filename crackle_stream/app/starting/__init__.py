"""A first configuration for a stream that is not known yet.

sampling  some records of it: of a file, a pipe or a topic
fields    what the fields of the records hold
looking   which of them serve as label, time and key, and what sort of number each metric is
writing   the configuration, with the reason for each key beside it
"""
