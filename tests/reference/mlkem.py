"""ML-KEM-768 (FIPS 203): keys from their seed, encapsulation and decapsulation."""
import hashlib

Q, N, K, DU, DV = 3329, 256, 3, 10, 4
INVERSE_128 = pow(128, -1, Q)


def reversed_bits(i):
    return int(f"{i:07b}"[::-1], 2)


ZETAS = [pow(17, reversed_bits(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * reversed_bits(i) + 1, Q) for i in range(128)]


def ntt(f):
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i + 1
            for j in range(start, start + length):
                t = zeta * f[j + length]
                f[j], f[j + length] = (f[j] + t) % Q, (f[j] - t) % Q
        length //= 2
    return f


def inverse_ntt(f):
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i - 1
            for j in range(start, start + length):
                t = f[j]
                f[j], f[j + length] = (t + f[j + length]) % Q, zeta * (f[j + length] - t) % Q
        length *= 2
    return [x * INVERSE_128 % Q for x in f]


def times(f, g):
    h = []
    for i in range(128):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h += [(a0 * b0 + a1 * b1 * GAMMAS[i]) % Q, (a0 * b1 + a1 * b0) % Q]
    return h


def plus(*polynomials):
    return [sum(values) % Q for values in zip(*polynomials)]


def inner(us, vs):
    return plus(*(times(u, v) for u, v in zip(us, vs)))


def pack(f, d):
    """ByteEncode: the d low bits of each number, one behind the other."""
    return sum(x << d * i for i, x in enumerate(f)).to_bytes(32 * d, "little")


def unpack(data, d):
    number = int.from_bytes(data, "little")
    return [number >> d * i & (1 << d) - 1 for i in range(N)]


def compress(f, d):
    return [((x << d) + Q // 2) // Q % (1 << d) for x in f]


def decompress(f, d):
    return [(Q * x + (1 << d - 1)) >> d for x in f]


def sample_ntt(seed):
    length = 840
    while True:
        data, f = hashlib.shake_128(seed).digest(length), []
        for i in range(0, length, 3):
            a, b, c = data[i:i + 3]
            for x in (a + 256 * (b % 16), b // 16 + 16 * c):
                if x < Q and len(f) < N:
                    f.append(x)
        if len(f) == N:
            return f
        length *= 2


def noise(seed, n):
    """A polynomial of the centred binomial distribution with eta = 2."""
    bits = int.from_bytes(hashlib.shake_256(seed + bytes([n])).digest(128), "little")
    f = []
    for i in range(N):
        four = bits >> 4 * i & 15
        f.append(((four & 1) + (four >> 1 & 1) - (four >> 2 & 1) - (four >> 3)) % Q)
    return f


def matrix(rho):
    return [[sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]


def key_pair(d, z):
    """(encapsulation key, decapsulation key) of the seed d ‖ z."""
    seeds = hashlib.sha3_512(d + bytes([K])).digest()
    rho, sigma = seeds[:32], seeds[32:]
    s = [ntt(noise(sigma, n)) for n in range(K)]
    e = [ntt(noise(sigma, K + n)) for n in range(K)]
    t = [plus(inner(row, s), error) for row, error in zip(matrix(rho), e)]
    public = b"".join(pack(f, 12) for f in t) + rho
    return public, b"".join(pack(f, 12) for f in s) + public + hashlib.sha3_256(public).digest() + z


def encrypt(public, message, coins):
    t = [unpack(public[384 * i:384 * i + 384], 12) for i in range(K)]
    a = matrix(public[384 * K:])
    y = [ntt(noise(coins, n)) for n in range(K)]
    u = [plus(inverse_ntt(inner([a[j][i] for j in range(K)], y)), noise(coins, K + i)) for i in range(K)]
    v = plus(inverse_ntt(inner(t, y)), noise(coins, 2 * K), decompress(unpack(message, 1), 1))
    return b"".join(pack(compress(f, DU), DU) for f in u) + pack(compress(v, DV), DV)


def encapsulate(public, message):
    """(shared secret, ciphertext) from 32 random bytes; None for a key with a coefficient that is not below q."""
    if len(public) != 384 * K + 32 or any(x >= Q for i in range(K) for x in unpack(public[384 * i:384 * i + 384], 12)):
        return None
    both = hashlib.sha3_512(message + hashlib.sha3_256(public).digest()).digest()
    return both[:32], encrypt(public, message, both[32:])


def decapsulate(private, ciphertext):
    s = [unpack(private[384 * i:384 * i + 384], 12) for i in range(K)]
    public, digest, z = private[384 * K:768 * K + 32], private[768 * K + 32:768 * K + 64], private[768 * K + 64:]
    u = [decompress(unpack(ciphertext[320 * i:320 * i + 320], DU), DU) for i in range(K)]
    v = decompress(unpack(ciphertext[320 * K:], DV), DV)
    w = [(x - y) % Q for x, y in zip(v, inverse_ntt(inner(s, [ntt(f) for f in u])))]
    message = pack(compress(w, 1), 1)
    both = hashlib.sha3_512(message + digest).digest()
    if encrypt(public, message, both[32:]) == ciphertext:
        return both[:32]
    return hashlib.shake_256(z + ciphertext).digest(32)
