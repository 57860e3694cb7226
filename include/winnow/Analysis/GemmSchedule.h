//===- GemmSchedule.h - Tile sizes of matrix products -------------------------===//

#ifndef WINNOW_ANALYSIS_GEMMSCHEDULE_H
#define WINNOW_ANALYSIS_GEMMSCHEDULE_H

#include "winnow/Support/CPULevel.h"
#include <cstdint>
#include <optional>

namespace winnow {

/// How a matrix product [M, K] x [K, N] is cut up.
struct GemmSchedule {
  int64_t mr; ///< rows of a register tile
  int64_t nr; ///< columns of a register tile and of a packed weight panel
  int64_t kc; ///< depth of one pass over a panel; at most K
  int64_t mb; ///< rows that share one walk over a panel; a multiple of mr
};

/// The schedule of a `linear` kernel with weight [k, n]. `m` is the number of
/// rows where it is static. The weight must be packed as
/// [ceil(n / nr), k, nr], zero padded.
GemmSchedule chooseLinearSchedule(const CPULevel &level, int64_t n, int64_t k,
                                  std::optional<int64_t> m);

} // namespace winnow

#endif // WINNOW_ANALYSIS_GEMMSCHEDULE_H
