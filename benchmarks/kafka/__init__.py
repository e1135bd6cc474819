"""Apache Kafka in benchmarks: a broker, topics, `crackle-stream run` as a process, and programs that only read.

Needs `tests` on the path: broker and receiver are those of the tests. `python -m benchmarks` puts it there.
"""
