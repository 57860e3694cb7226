#include "FakeQuantize.h"

using namespace llvm;

void winnow::fakeQuantize(MutableArrayRef<float> weights, const WeightLayout &layout, int bits,
                          ArrayRef<float> factors) {
  std::vector<int8_t> numbers(layout.inputs);
  for (int64_t output = 0; output < layout.outputs; ++output) {
    float scale = roundOutput(weights, layout, output, bits, factors, numbers);
    for (int64_t input = 0; input < layout.inputs; ++input)
      weights[layout.place(input, output)] =
          numbers[input] * scale / (factors.empty() ? 1 : factors[input]);
  }
}
