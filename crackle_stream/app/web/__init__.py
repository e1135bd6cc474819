"""The status server: health, metrics, a JSON interface and a live page. Needs the extra `web`; `status` imports it.

board        what is shown, bounded, kept by one listener of the pipeline's events
shown        alerts and what holds           heat       metrics over windows
rates        tasks a second, bad records     readiness  why not ready
setup        what the configuration promises strip      the figures at the top
gathering    all of it at one moment         metrics    the same for Prometheus
interface    JSON                            openapi    its description
pages        the page and its parts          feed       server-sent events
guard        who may ask, and how much       server     uvicorn on the pipeline's own loop
"""
