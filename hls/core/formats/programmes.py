"""The tables of a transport stream of any origin: what belongs to which programme (ISO/IEC 13818-1, 2.4.4).

hls.core.formats.transport reads segments of our own, and refuses anything else.
"""

from collections.abc import Collection, Iterator

from hls.core.formats.transport import PACKET, PAT_PID

SYNC = 0x47
SIZES = (188, 192, 204)  # bytes of a packet: plain, with a time before it, with parity after it
PAT, PMT = 0, 2  # the kinds of tables
CHECKSUM_BYTES = 4


def programmes(data: bytes) -> dict[int, set[int]]:
    """The PIDs of each programme that the stream's first table of programmes lists, in any version of its own table.

    Further tables of programmes belong to recordings that were joined to the first one.
    """
    pmt_pids = _listed(next((section for _, section in _sections(data, {PAT_PID}) if section[0] == PAT), b""))
    found: dict[int, set[int]] = {}
    if len(pmt_pids) > 1:
        for pid, section in _sections(data, set(pmt_pids.values())):
            number = int.from_bytes(section[3:5])
            if section[0] == PMT and pmt_pids.get(number) == pid:
                found.setdefault(number, set()).update(_streams(section))
    return found


def _listed(pat: bytes) -> dict[int, int]:
    """The PID of each programme's table, by the programme's number; number 0 is none."""
    entries = (pat[at : at + 4] for at in range(8, len(pat) - CHECKSUM_BYTES, 4))
    return {int.from_bytes(entry[:2]): _pid(entry[2:]) for entry in entries if any(entry[:2])}


def _streams(pmt: bytes) -> Iterator[int]:
    at = 12 + _length(pmt[10:12])
    while at + 5 <= len(pmt) - CHECKSUM_BYTES:
        yield _pid(pmt[at + 1 : at + 3])
        at += 5 + _length(pmt[at + 3 : at + 5])


def _sections(data: bytes, pids: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """The whole sections of these PIDs, each with its PID."""
    begun: dict[int, bytearray] = {}
    for pid, is_start, payload in _payloads(data, pids):
        if is_start:  # the first byte says how many more belong to the section before
            begin = 1 + payload[0]
            yield from _whole(pid, bytes(begun.get(pid, b"")) + payload[1:begin])
            begun[pid] = bytearray(payload[begin:])
        elif pid in begun:
            begun[pid] += payload
    for pid, rest in begun.items():
        yield from _whole(pid, bytes(rest))


def _whole(pid: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 3 <= len(data) and data[at] != 0xFF:  # stuffing
        end = at + 3 + _length(data[at + 1 : at + 3])
        if end <= len(data):
            yield pid, data[at:end]
        at = end


def _payloads(data: bytes, pids: Collection[int]) -> Iterator[tuple[int, bool, bytes]]:
    """The payloads of these PIDs, and whether a section begins in them."""
    size, begin = alignment(data)
    for at in range(begin, len(data) - PACKET + 1, size):
        pid = _pid(data[at + 1 : at + 3])
        if data[at] == SYNC and pid in pids and data[at + 3] & 0x10:
            skipped = 5 + data[at + 4] if data[at + 3] & 0x20 else 4
            if payload := data[at + skipped : at + PACKET]:
                yield pid, bool(data[at + 1] & 0x40), payload


def _pid(field: bytes) -> int:
    return int.from_bytes(field) & 0x1FFF


def _length(field: bytes) -> int:
    return int.from_bytes(field) & 0x0FFF


def alignment(data: bytes) -> tuple[int, int]:
    """The size of a packet, and where the first one begins; the data's end if this isn't MPEG-TS."""
    for size in SIZES:
        for begin in range(size):
            if len(data) > 3 * size and set(data[begin : begin + 8 * size : size]) == {SYNC}:
                return size, begin
    return SIZES[0], len(data)
