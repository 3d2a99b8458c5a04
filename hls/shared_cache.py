"""A cache that the threads of a process share: those of cachetools are not made for that."""

import threading
from collections.abc import MutableMapping


class SharedCache[Key, Value]:
    def __init__(self, cache: MutableMapping[Key, Value]) -> None:
        self._lock = threading.Lock()
        self._cache = cache

    def get(self, key: Key) -> Value | None:
        with self._lock:
            return self._cache.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Keep it. What is larger than the whole cache is not kept."""
        with self._lock:
            try:
                self._cache[key] = value
            except ValueError:  # cachetools' "value too large"
                self._cache.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._cache.clear()
