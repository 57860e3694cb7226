//===- PackedWeights.h - Where numbers of few bits lie in words -----------===//

#ifndef WINNOW_SUPPORT_PACKEDWEIGHTS_H
#define WINNOW_SUPPORT_PACKEDWEIGHTS_H

#include "winnow/Support/RoundWeights.h"

namespace winnow {

/// Numbers of a column that follow each other in depth, in groups of whole words of 32 bits. Four
/// of them, a step, are taken out together, as the bytes of a word:
///
///   8 bits: a word is a step.
///   4 bits: a word is two steps, the first in the low halves of its bytes.
///   6 bits: two words of low halves as above, and one of high pairs: those of step s in the bits
///           2 s and 2 s + 1 of each byte.
///
/// Numbers of 4 and 6 bits are stored plus `bias`, so that they are not negative.
struct PackedWeights {
  explicit constexpr PackedWeights(int64_t bits) : bits(bits) {}
  constexpr int64_t groupSize() const { return bits == 8 ? 4 : bits == 4 ? 8 : 16; }
  constexpr int64_t groupWords() const { return bits == 6 ? 3 : 1; }
  constexpr int64_t bias() const { return bits == 8 ? 0 : 1 << (bits - 1); }
  /// The lowest bit of number `i` of a group in its word, and of its low half if it has 6 bits.
  constexpr int64_t place(int64_t i) const { return i % 4 * 8 + (bits == 8 ? 0 : i / 4 % 2 * 4); }
  /// Adds number `i` of a group, with its bias, to the words of the group, `stride` apart.
  void put(uint32_t *words, int64_t stride, int64_t i, uint32_t number) const;

  int64_t bits;
};

/// The least multiplier from 1 to 16 with which all numbers of a block are products of it and
/// a number of 4 bits; 0 if there is none.
int findMultiplier(llvm::ArrayRef<int8_t> numbers);

} // namespace winnow

#endif // WINNOW_SUPPORT_PACKEDWEIGHTS_H
