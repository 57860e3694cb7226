#include "FakeQuantize.h"

#include "winnow/Support/RoundWeights.h"

#include <vector>

using namespace llvm;

void winnow::fakeQuantize(MutableArrayRef<float> weights, int64_t inputs, int64_t outputs,
                          bool isTransposed, int bits) {
  std::vector<float> column(inputs);
  std::vector<int8_t> numbers(inputs);
  for (int64_t output = 0; output < outputs; ++output) {
    auto at = [&](int64_t input) -> float & {
      return weights[isTransposed ? output * inputs + input : input * outputs + output];
    };
    for (int64_t input = 0; input < inputs; ++input)
      column[input] = at(input);
    float scale = roundWeights(column, bits, numbers);
    for (int64_t input = 0; input < inputs; ++input)
      at(input) = numbers[input] * scale;
  }
}
