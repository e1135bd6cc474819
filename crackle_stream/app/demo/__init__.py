"""An incident to watch: a checkout service whose trouble is planted, streamed through the real pipeline."""
