"""Argon2id (RFC 9106), version 0x13.

A block is four whole numbers of 32 words each, so that the steps of the compression which do not depend on each
other are taken together: the columns of its matrix lie in the order of the block, its rows are brought beside each
other first. Only products are made word by word.
"""
import hashlib, operator, struct

WORDS = 32
ONES = sum(1 << 64 * i for i in range(WORDS))
FULL, HIGH = (1 << 64 * WORDS) - 1, ONES << 63
REST = FULL ^ HIGH
LOW = struct.Struct("<" + "I4x" * WORDS)
LONG = struct.Struct(f"<{WORDS}Q")
GROUPS = struct.Struct("<" + "32s" * 32)
NUMBERS = struct.Struct("<128Q")


def lanes(chosen):
    """The mask of these words."""
    return sum((1 << 64) - 1 << 64 * i for i in chosen)


def low_bits(count):
    return ONES * ((1 << count) - 1)


# Within a row, and within a column, whose words are two of each of two rows: the mask and the shift of each part of what
# moves by one place.
ROW = [(lanes(i for i in range(WORDS) if i % 4 < 3), 1), (lanes(i for i in range(WORDS) if i % 4 == 3), -3)]
COLUMN = [(lanes(range(0, WORDS, 2)), 1), (lanes(range(1, 16, 2)), 15), (lanes(range(17, WORDS, 2)), -17)]


def moved(x, parts):
    out = 0
    for mask, by in parts:
        out |= (x >> 64 * by if by > 0 else x << -64 * by) & mask
    return out


def turned(x, by, low, high):
    return x >> by & low | (x & high) << 64 - by


TURNS = [(by, low_bits(64 - by), low_bits(by)) for by in (32, 24, 16, 63)]


def add(x, y):
    return (x & REST) + (y & REST) ^ (x ^ y) & HIGH


def mixed(x, y):
    """x + y + twice the product of their lower halves."""
    size = 8 * WORDS
    products = map(operator.mul, LOW.unpack(x.to_bytes(size, "little")), LOW.unpack(y.to_bytes(size, "little")))
    twice = int.from_bytes(LONG.pack(*products), "little") << 1 & FULL & ~ONES
    return add(add(x, y), twice)


def quarter(a, b, c, d):
    first, second, third, fourth = TURNS
    a = mixed(a, b)
    d = turned(d ^ a, *first)
    c = mixed(c, d)
    b = turned(b ^ c, *second)
    a = mixed(a, b)
    d = turned(d ^ a, *third)
    c = mixed(c, d)
    return a, turned(b ^ c, *fourth), c, d


def permuted(a, b, c, d, parts):
    a, b, c, d = quarter(a, b, c, d)
    b, c, d = moved(b, parts), moved(moved(c, parts), parts), moved(moved(moved(d, parts), parts), parts)
    a, b, c, d = quarter(a, b, c, d)
    return a, moved(moved(moved(b, parts), parts), parts), moved(moved(c, parts), parts), moved(d, parts)


def regrouped(data, step):
    """The 32 groups of four words, every `step`th beside each other."""
    groups = GROUPS.unpack(data)
    return b"".join(b"".join(groups[i::step]) for i in range(step))


def split(data):
    return [int.from_bytes(data[i:i + 256], "little") for i in range(0, 1024, 256)]


def joined(parts):
    return b"".join(part.to_bytes(256, "little") for part in parts)


def compressed(x, y):
    """The compression of two blocks, each a number of 1,024 bytes."""
    both = x ^ y
    rows = permuted(*split(regrouped(both.to_bytes(1024, "little"), 4)), ROW)
    columns = permuted(*split(regrouped(joined(rows), 8)), COLUMN)
    return both ^ int.from_bytes(joined(columns), "little")


def long_hash(data, length):
    head = struct.pack("<I", length) + data
    if length <= 64:
        return hashlib.blake2b(head, digest_size=length).digest()
    block, out = hashlib.blake2b(head).digest(), b""
    while length - len(out) > 64:
        out += block[:32]
        rest = length - len(out)
        block = hashlib.blake2b(block, digest_size=min(64, rest)).digest()
    return out + block


def addresses(lane_pass, lane, part, memory, passes):
    """The pseudo-random numbers of a segment that do not depend on the secret."""
    at = 0
    while True:
        at += 1
        head = struct.pack("<7Q", lane_pass, lane, part, memory, passes, 2, at)
        block = compressed(0, compressed(0, int.from_bytes(head, "little")))
        yield from NUMBERS.unpack(block.to_bytes(1024, "little"))


def argon2id(password, salt, memory, passes, lanes_, length=32, secret=b"", associated=b""):
    """`memory` in KiB."""
    sizes = (lanes_, length, memory, passes, 0x13, 2)
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (password, salt, secret, associated))
    start = hashlib.blake2b(struct.pack("<6I", *sizes) + texts).digest()
    segment = memory // (4 * lanes_)
    columns = 4 * segment
    blocks = [[0] * columns for _ in range(lanes_)]
    for lane in range(lanes_):
        for i in range(2):
            blocks[lane][i] = int.from_bytes(long_hash(start + struct.pack("<II", i, lane), 1024), "little")
    for number in range(passes):
        for part in range(4):
            for lane in range(lanes_):
                fill(blocks, number, part, lane, segment, passes)
    last = 0
    for lane in range(lanes_):
        last ^= blocks[lane][-1]
    return long_hash(last.to_bytes(1024, "little"), length)


def fill(blocks, number, part, lane, segment, passes):
    columns, count, own = 4 * segment, len(blocks), blocks[lane]
    fixed = number == 0 and part < 2
    numbers = addresses(number, lane, part, columns * count, passes) if fixed else None
    for i in range(segment):
        drawn = next(numbers) if fixed else None
        at = part * segment + i
        if number == 0 and at < 2:
            continue
        before = own[at - 1]
        if not fixed:
            drawn = before & (1 << 64) - 1
        first, second = drawn & 0xffffffff, drawn >> 32
        of = lane if number == 0 and part == 0 else second % count
        # How many blocks can be chosen: of this lane those before the last one, of others those of whole segments.
        if number == 0:
            area = part * segment
        else:
            area = columns - segment
        area += i - 1 if of == lane else -(i == 0)
        x = first * first >> 32
        relative = area - 1 - (area * x >> 32)
        begin = 0 if number == 0 or part == 3 else (part + 1) * segment
        block = compressed(before, blocks[of][(begin + relative) % columns])
        own[at] = block ^ own[at] if number else block
