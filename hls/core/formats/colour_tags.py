"""FFmpeg's names of a stream's colour tags, by the numbers of ITU-T H.273."""

RESERVED = "reserved"
TRANSFERS = (
    *(RESERVED, "bt709", "unknown", RESERVED, "gamma22", "gamma28", "smpte170m", "smpte240m", "linear", "log100"),
    *("log316", "iec61966-2-4", "bt1361e", "iec61966-2-1", "bt2020-10", "bt2020-12", "smpte2084", "smpte428"),
    "arib-std-b67",
)
PRIMARIES = (
    *(RESERVED, "bt709", "unknown", RESERVED, "bt470m", "bt470bg", "smpte170m", "smpte240m", "film", "bt2020"),
    *("smpte428", "smpte431", "smpte432"),
)
MATRICES = (
    *("gbr", "bt709", "unknown", RESERVED, "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc"),
    *("bt2020c", "smpte2085", "chroma-derived-nc", "chroma-derived-c", "ictcp"),
)


def named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else RESERVED
