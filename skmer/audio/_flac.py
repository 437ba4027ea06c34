"""The number of samples in a FLAC file, counted from its last frames: its header may lack the number, or be wrong."""

__all__ = ["count_samples", "declared_samples", "with_total"]

_TAILS = (1 << 16, 1 << 20)  # bytes that hold two frames: of most recordings, and of all


def _crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x107 if crc & 0x80 else 0)) & 0xFF
    return crc


def declared_samples(data, start):
    """Return the number of samples that the header at an offset declares; 0 is unknown."""
    return int.from_bytes(data[start + 21 : start + 26], "big") & 0xFFFFFFFFF


def with_total(data, start, total):
    """Return the patch with which the header at an offset declares another number of samples."""
    field = int.from_bytes(data[start + 21 : start + 26], "big") >> 36 << 36 | total
    return {start + 21: field.to_bytes(5, "big")}


def count_samples(data, start):
    """Return the number of samples up to the end of the last frame, or None if there are no two frames in a row."""
    block_size = int.from_bytes(data[start + 10 : start + 12], "big")
    tails = (data[max(len(data) - n_bytes, start) :] for n_bytes in _TAILS)
    return next(filter(None, (_last_end(tail, block_size) for tail in tails)), None)


def _last_end(tail, block_size):
    ends, last = set(), None
    for sync in (b"\xff\xf8", b"\xff\xf9"):
        at = tail.find(sync)
        while at >= 0:
            frame = _read_header(tail[at : at + 16], block_size)
            if frame is not None:
                # other bytes may look like a header, but do not follow a frame
                if frame[0] in ends:
                    last = sum(frame)
                ends.add(sum(frame))
            at = tail.find(sync, at + 1)
    return last


def _read_header(header, block_size):
    """Return the first sample of a frame and its number of samples, or None if this is not the header of a frame."""
    if len(header) < 16:
        header = header.ljust(16, b"\0")
    size_code, rate_code, length = header[2] >> 4, header[2] & 15, 1
    if not size_code or rate_code == 15 or header[3] & 1:
        return None
    number = header[4]
    if number >= 0x80:  # a number coded like a character in UTF-8, in up to seven bytes
        length = 8 - (number ^ 0xFF).bit_length()
        if length < 2 or number == 0xFF:
            return None
        number &= (1 << (7 - length)) - 1 if length < 7 else 0
        for byte in header[5 : 4 + length]:
            number = number << 6 | byte & 0x3F
    at = 4 + length
    n_samples = 192 if size_code == 1 else 576 << size_code - 2 if size_code < 6 else 256 << max(size_code - 8, 0)
    if size_code in (6, 7):
        n_bytes = size_code - 5
        n_samples = int.from_bytes(header[at : at + n_bytes], "big") + 1
        at += n_bytes
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= 16 or _crc8(header[:at]) != header[at]:
        return None
    return (number if header[1] & 1 else number * block_size), n_samples
