"""A rehearsal: the live pipeline over records that are there already, with nobody told.

place        what is replayed: a file, or a stretch of a topic
recording    its records, as often as they are wanted
rehearsal    what came of them
lives        alerts from when they were raised to when they were over
playing      one run, with its bar
comparison   two runs over the same records
golden       what came of it, as a file to compare with
table        all of that on a terminal
lines        ... as JSON lines
report       ... as one HTML page
"""
