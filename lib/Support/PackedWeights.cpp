#include "winnow/Support/PackedWeights.h"

#include <algorithm>

using namespace llvm;
using namespace winnow;

void PackedWeights::put(uint32_t *words, int64_t stride, int64_t i, uint32_t number) const {
  int64_t step = i / 4;
  words[step / 2 * stride] |= (number & (bits == 8 ? 0xff : 0xf)) << place(i);
  if (bits == 6)
    words[2 * stride] |= (number >> 4 & 3) << (i % 4 * 8 + 2 * step);
}

int winnow::findMultiplier(ArrayRef<int8_t> numbers) {
  for (int multiplier = 1; multiplier <= 16; ++multiplier)
    if (std::all_of(numbers.begin(), numbers.end(), [&](int number) {
          return number % multiplier == 0 && number >= -8 * multiplier && number <= 7 * multiplier;
        }))
      return multiplier;
  return 0;
}
