// RUN: %build_c %s -lwinnow_rt -o %t
// RUN: %t

/* Both forms of SHA-256 against the standard's examples, and against each
 * other at every length around the block size. */
#include "check.h"

void winnow_sha256(const void *data, size_t bytes, uint8_t digest[32]);
void winnow_sha256_portable(const void *data, size_t bytes, uint8_t digest[32]);

static void check_hex(const void *data, size_t bytes, const char *expected) {
  uint8_t digest[32];
  char text[65];
  winnow_sha256(data, bytes, digest);
  for (int i = 0; i < 32; ++i)
    snprintf(text + 2 * i, 3, "%02x", digest[i]);
  CHECK(strcmp(text, expected) == 0);
}

int main(void) {
  check_hex("", 0,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  check_hex("abc", 3,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  check_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  uint8_t data[300], fast[32], portable[32];
  for (size_t i = 0; i < sizeof data; ++i)
    data[i] = (uint8_t)(i * 37 + 11);
  for (size_t bytes = 0; bytes <= sizeof data; ++bytes) {
    winnow_sha256(data, bytes, fast);
    winnow_sha256_portable(data, bytes, portable);
    CHECK(memcmp(fast, portable, 32) == 0);
  }
  return 0;
}
