#include "FakeQuantize.h"

#include <algorithm>
#include <cmath>

using namespace llvm;

void winnow::fakeQuantize(MutableArrayRef<float> weights, int64_t inputs, int64_t outputs,
                          bool isTransposed, int bits) {
  int64_t block = bits <= 4 ? 32 : inputs;
  float limit = (1 << (bits - 1)) - 1;
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t begin = 0; begin < inputs; begin += block) {
      int64_t end = std::min(begin + block, inputs);
      auto at = [&](int64_t input) -> float & {
        return weights[isTransposed ? output * inputs + input : input * outputs + output];
      };
      float largest = 0;
      for (int64_t input = begin; input < end; ++input)
        largest = std::max(largest, std::fabs(at(input)));
      if (!(largest > 0) || !std::isfinite(largest))
        continue;
      float scale = largest / limit;
      for (int64_t input = begin; input < end; ++input)
        at(input) = std::clamp(std::nearbyint(at(input) / scale), -limit, limit) * scale;
    }
}
