#include "winnow/Link/Weights.h"
#include "winnow/Support/OutputFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

// LLVM's own SHA256 counts bytes in 32 bits and is wrong beyond 512 MiB; this
// one also uses the CPU's SHA instructions.
#include <openssl/evp.h>

using namespace llvm;
using namespace winnow;

namespace {

/// Passes bytes on to another stream and hashes them.
class HashingStream : public raw_ostream {
public:
  explicit HashingStream(raw_ostream &inner) : inner(inner) {
    EVP_DigestInit_ex(hash, EVP_sha256(), nullptr);
    SetBufferSize(1 << 18);
  }
  ~HashingStream() override {
    flush();
    EVP_MD_CTX_free(hash);
  }

  std::array<uint8_t, 32> finish() {
    flush();
    std::array<uint8_t, 32> digest{};
    EVP_DigestFinal_ex(hash, digest.data(), nullptr);
    return digest;
  }

private:
  void write_impl(const char *data, size_t size) override {
    EVP_DigestUpdate(hash, data, size);
    inner.write(data, size);
    position += size;
  }
  uint64_t current_pos() const override { return position; }

  raw_ostream &inner;
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  uint64_t position = 0;
};

} // namespace

std::string WeightsSummary::sha256Hex() const {
  return toHex(sha256, /*LowerCase=*/true);
}

static Error writeEntry(HashingStream &os, const WeightEntry &entry) {
  uint64_t offset = entry.offset, bytes = entry.bytes;
  if (entry.offset < 0 || entry.bytes < 0 || offset % 64 || os.tell() > offset)
    return createStringError(
        "expected weights sorted at multiples of 64 bytes, got an entry of %lld"
        " bytes at %lld after %llu bytes",
        static_cast<long long>(bytes), static_cast<long long>(offset),
        static_cast<unsigned long long>(os.tell()));
  // write_zeros takes 32 bits.
  for (uint64_t gap; (gap = offset - os.tell()) > 0;)
    os.write_zeros(std::min<uint64_t>(gap, 1 << 20));
  entry.write(os);
  if (os.tell() != offset + bytes)
    return createStringError(
        "expected the weights at %lld to have %lld bytes, got %lld",
        static_cast<long long>(offset), static_cast<long long>(bytes),
        static_cast<long long>(os.tell() - offset));
  return Error::success();
}

Expected<WeightsSummary> winnow::writeWeights(StringRef path,
                                              ArrayRef<WeightEntry> entries) {
  WeightsSummary summary;
  Error error = writeOutputFile(path, [&](raw_ostream &file) -> Error {
    HashingStream os(file);
    for (const WeightEntry &entry : entries)
      if (Error error = writeEntry(os, entry))
        return error;
    summary.bytes = os.tell();
    summary.sha256 = os.finish();
    return Error::success();
  });
  if (error)
    return std::move(error);
  return summary;
}
