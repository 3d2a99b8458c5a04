"""Which browser and system a User-Agent header tells of, in words that people know."""

BROWSERS = (  # most claim to be others too: the first that fits is the one
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
    ("VLC", "VLC"),
    ("curl", "curl"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Apple TV", "Apple TV"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
LONGEST = 40


def device_name(agent: str) -> str:
    """Such as "Firefox on Windows"; the header itself, shortened, where it tells of neither."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    if browser or system:
        return browser or system
    if not agent:
        return "Unknown device"
    return agent if len(agent) <= LONGEST else f"{agent[: LONGEST - 1]}…"
