"""Speed, latency, memory and cold start, measured on this machine: ``python -m benchmarks`` prints the figures."""
