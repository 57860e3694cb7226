/* SHA-256 (FIPS 180-4), for comparing weights with what was compiled. Where
 * the CPU has SHA instructions they are used: hashing 400 MB then takes a
 * fraction of a second and not two. */
#include "internal.h"

#include <string.h>

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void hash_blocks_portable(uint32_t state[8], const uint8_t *data,
                                 size_t blocks) {
  for (; blocks; --blocks, data += 64) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; ++i)
      w[i] = (uint32_t)data[4 * i] << 24 | (uint32_t)data[4 * i + 1] << 16 |
             (uint32_t)data[4 * i + 2] << 8 | data[4 * i + 3];
    for (int i = 16; i < 64; ++i) {
      uint32_t a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
             (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; ++i) {
      uint32_t e = s[4], a = s[0];
      uint32_t t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                    ((e & s[5]) ^ (~e & s[6])) + round_constants[i] + w[i];
      uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                    ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
      memmove(s + 1, s, 7 * sizeof *s);
      s[4] += t1;
      s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; ++i)
      state[i] += s[i];
  }
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* The instructions keep the state as (a, b, e, f) and (c, d, g, h), highest
 * lane first, and do two rounds at a time; the message schedule of four words
 * is one msg1/msg2 pair. */
__attribute__((target("sha,sse4.1,ssse3"))) static void
hash_blocks_sha(uint32_t state[8], const uint8_t *data, size_t blocks) {
  const __m128i swap =
      _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i abef =
      _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
  __m128i cdgh =
      _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
  for (; blocks; --blocks, data += 64) {
    __m128i abef_before = abef, cdgh_before = cdgh, w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)),
                              swap);
    for (int i = 0; i < 16; ++i) {
      __m128i words = w[i & 3];
      __m128i sum = _mm_add_epi32(
          words, _mm_loadu_si128((const __m128i *)(round_constants + 4 * i)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
      /* w[i+4] from w[i..i+3]: msg1 needs w[i] and w[i+1], the word seven
       * before lies across w[i+2] and w[i+3], msg2 needs w[i+3]. */
      __m128i seven = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);
      w[i & 3] = _mm_sha256msg2_epu32(
          _mm_add_epi32(_mm_sha256msg1_epu32(words, w[(i + 1) & 3]), seven),
          w[(i + 3) & 3]);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  uint32_t lanes[8];
  _mm_storeu_si128((__m128i *)lanes, abef);
  _mm_storeu_si128((__m128i *)(lanes + 4), cdgh);
  static const int place[8] = {5, 4, 1, 0, 7, 6, 3, 2};
  for (int i = 0; i < 8; ++i)
    state[place[i]] = lanes[i];
}

static bool has_sha(void) {
  unsigned a, b, c, d;
  bool sse41 = __get_cpuid(1, &a, &b, &c, &d) && c >> 19 & 1;
  return sse41 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 29 & 1;
}
#else
static bool has_sha(void) { return false; }
#define hash_blocks_sha hash_blocks_portable
#endif

static void hash_with(void (*hash_blocks)(uint32_t *, const uint8_t *, size_t),
                      const void *data, size_t bytes, uint8_t digest[32]) {
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  hash_blocks(state, data, bytes / 64);
  /* The rest, a one bit, zeros, and the length in bits. */
  uint8_t tail[128] = {0};
  size_t rest = bytes % 64, tail_bytes = rest < 56 ? 64 : 128;
  if (rest)
    memcpy(tail, (const uint8_t *)data + (bytes - rest), rest);
  tail[rest] = 0x80;
  for (int i = 0; i < 8; ++i)
    tail[tail_bytes - 1 - (size_t)i] =
        (uint8_t)((uint64_t)bytes * 8 >> (8 * i));
  hash_blocks(state, tail, tail_bytes / 64);
  for (int i = 0; i < 32; ++i)
    digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void winnow_sha256_portable(const void *data, size_t bytes,
                            uint8_t digest[32]) {
  hash_with(hash_blocks_portable, data, bytes, digest);
}

void winnow_sha256(const void *data, size_t bytes, uint8_t digest[32]) {
  hash_with(has_sha() ? hash_blocks_sha : hash_blocks_portable, data, bytes,
            digest);
}
