"""A plain nginx to compare the edge with: it serves the same files to everybody, from the disk."""

from load import Result

TURNS = 9  # plain nginx and the edge take turns; their ratio is the median of all turns
PLAIN = """
server {{
    listen 127.0.0.1:{port};
    access_log {folder}/plain.log videoflix buffer=32k flush=1s;
    sendfile on;
    sendfile_max_chunk 1m;
    tcp_nopush on;
    open_file_cache max=4096 inactive=30s;
    open_file_cache_valid 10s;
    root {folder};
}}
"""


def middle(results: list[Result]) -> Result:
    """The result with the median rate."""
    return sorted(results, key=lambda result: result.per_second)[len(results) // 2]
