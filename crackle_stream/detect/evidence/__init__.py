"""What a stream can prove: findings with p values that hold, and a budget for false alarms."""
