//===- RoundWeights.h - Weights as whole numbers of few bits --------------===//

#ifndef WINNOW_SUPPORT_ROUNDWEIGHTS_H
#define WINNOW_SUPPORT_ROUNDWEIGHTS_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace winnow {

/// Inputs of an output that share a multiplier, where weights have 4 bits or fewer.
inline constexpr int64_t kRoundingBlock = 32;

/// Rounds the weights of one output to whole numbers that fit a byte, and returns their scale.
/// Symmetric. With 8 bits by the greatest absolute value; with 5 to 7 the range is clipped to where
/// the squared error is least. With 4 bits and fewer each block of inputs has a multiplier from
/// 1 to 16, the one with the least squared error, and numbers are multiples of it: a scale for
/// each block that needs half a byte, and an integer product that knows nothing of blocks.
float roundWeights(llvm::ArrayRef<float> weights, int bits, llvm::MutableArrayRef<int8_t> numbers);

} // namespace winnow

#endif // WINNOW_SUPPORT_ROUNDWEIGHTS_H
