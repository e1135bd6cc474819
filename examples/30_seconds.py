"""Thirty seconds with a kiln: fire three sensors, cool, look at the cracks."""

from crackle_stream import Kiln, TaskOutput, ThermalProfile


class Sensor:
    """One reading; anything above 40 is out of the ordinary."""

    def __init__(self, label: str, reading: float) -> None:
        self.label = label
        self.reading = reading

    def fire(self) -> TaskOutput[float]:
        """The reading, and the numbers to look at."""
        return TaskOutput(self.reading, {"value": self.reading, "is_anomaly": float(self.reading > 40)})


def main() -> None:
    """Fire, cool, print."""
    kiln = Kiln(ThermalProfile.fast_cooling())
    kiln.fire_all([Sensor("s1", 22.5), Sensor("s2", 23.1), Sensor("s3", 45.2)])
    for pattern in kiln.cool():
        print(f"[{pattern.kind}] {pattern.description} (confidence {pattern.confidence:.2f})")


if __name__ == "__main__":
    main()
