"""What reading from Kafka and writing to it have in common: where brokers are, how to prove who one is, what fails."""
