"""`python -m crackle_stream` is `crackle-stream`."""

from crackle_stream.app.cli import main

if __name__ == "__main__":
    main()
