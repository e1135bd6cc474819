"""False alarms, measured on streams made of the user's own records in which nothing happens.

surrogates   streams alike in everything but dependence and change: pure functions of arrays
recording    the records of a file, and the same records with surrogate numbers
intervals    exact confidence intervals
measured     what was counted, by detector
measuring    cooling a surrogate stream window by window, as a pipeline does
advice       the setting that meets a budget
report       all of it, to read or as JSON
command      one after another
"""
