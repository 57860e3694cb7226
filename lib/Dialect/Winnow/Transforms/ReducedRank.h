//===- ReducedRank.h - Along which directions rows of numbers vary --------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_REDUCEDRANK_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_REDUCEDRANK_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace winnow {

/// out += sum of scales[k * stride] * rows[k * out.size() ...], for `count` rows.
void addScaledRows(llvm::MutableArrayRef<float> out, const float *scales, int64_t stride,
                   const float *rows, int64_t count);

/// The leading right singular vectors of rows from which their mean was subtracted.
struct Directions {
  int64_t columns, rank;
  std::vector<float> mean;    ///< [columns]
  std::vector<float> vectors; ///< [rank, columns], orthonormal, the longest variation first

  /// (rows - mean) vectors^T, [rows, rank].
  std::vector<float> project(llvm::ArrayRef<float> rows) const;
};

/// By subspace iteration from a fixed start, which is exact for rows that lie in a space of no more
/// than `rank` dimensions, and near to it where variation falls off behind them. Vectors for
/// which there is no variation are zero. `rank` is at most `columns`.
Directions findDirections(llvm::ArrayRef<float> rows, int64_t columns, int64_t rank);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_REDUCEDRANK_H
