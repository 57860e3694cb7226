//===- Schedule.cpp - Tile sizes of matrix products -----------------------===//

#include "winnow/Codegen/CPU/Kernels/Schedule.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>

namespace winnow::cpu {

GemmSchedule chooseLinearSchedule(const CPULevel &level, int64_t n, int64_t k,
                                  std::optional<int64_t> m) {
  int64_t lanes = level.lanes(4);
  GemmSchedule schedule;
  if (level.numVectorRegs >= 32) {
    schedule.mr = 8;
    schedule.nr = 3 * lanes;
  } else if (level.hasFMA) {
    schedule.mr = 4;
    schedule.nr = 3 * lanes;
  } else {
    schedule.mr = 4;
    schedule.nr = 2 * lanes;
  }
  // A narrower panel where a wide one would be mostly padding.
  while (schedule.nr > lanes && n <= schedule.nr - lanes)
    schedule.nr -= lanes;
  schedule.kc = std::max<int64_t>(k, 1);
  schedule.mb = 128;
  if (m)
    schedule.mb =
        std::min<int64_t>(128, llvm::alignTo(std::max<int64_t>(*m, 1),
                                             schedule.mr));
  schedule.mb = std::max<int64_t>(schedule.mr,
                                  schedule.mb / schedule.mr * schedule.mr);
  return schedule;
}

} // namespace winnow::cpu
