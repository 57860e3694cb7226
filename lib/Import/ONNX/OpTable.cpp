#include "OpTable.h"

#include "winnow/Import/ONNX/Import.h"

#include <algorithm>
#include <tuple>

using namespace llvm;

namespace winnow {
namespace import {

static ArrayRef<ArrayRef<OpEntry>> getFamilies() {
  static const ArrayRef<OpEntry> families[] = {
      getElementwiseOps(), getActivationOps(), getShapeOps(), getReshapingOps(), getMovementOps(), getIndexingOps(), getContractionOps(), getNormalizationOps(), getReductionOps(), getAttentionOps(), getSliceOps(), getEinsumOps(), getPoolOps(), getConvolutionOps(), getScatterOps(), getSelectionOps(), getQuantizationOps(), getFoldOps(), getCropPadOps(), getMathOps(), getSoftmaxOps(), getLossOps(), getSpectrumOps(), getStatefulOps(), getFourierOps(), getRandomOps(), getRecurrentOps()};
  return families;
}

const OpEntry *findOp(StringRef name, int64_t opset, std::string &reason) {
  static const StringMap<SmallVector<const OpEntry *>> index = [] {
    StringMap<SmallVector<const OpEntry *>> map;
    for (ArrayRef<OpEntry> family : getFamilies())
      for (const OpEntry &entry : family)
        map[entry.name].push_back(&entry);
    return map;
  }();
  auto it = index.find(name);
  if (it == index.end()) {
    reason = "the operator is not supported";
    return nullptr;
  }
  for (const OpEntry *entry : it->second)
    if (entry->minOpset <= opset && opset <= entry->maxOpset)
      return entry;
  reason = ("the operator is not supported at opset " + Twine(opset)).str();
  return nullptr;
}

} // namespace import

int64_t getMaxOpset() { return import::kMaxOpset; }

std::vector<SupportedOperator> getSupportedOperators() {
  // What holds graphs is no row of a family (see ControlFlow.cpp).
  std::vector<SupportedOperator> result = {{"", "If", 1, import::kMaxOpset},
                                           {"", "Loop", 1, import::kMaxOpset},
                                           {"", "Scan", 8, import::kMaxOpset}};
  for (ArrayRef<import::OpEntry> family : import::getFamilies())
    for (const import::OpEntry &entry : family)
      result.push_back({"", entry.name, entry.minOpset, entry.maxOpset});
  std::sort(result.begin(), result.end(), [](const auto &a, const auto &b) {
    return std::tie(a.name, a.minOpset) < std::tie(b.name, b.minOpset);
  });
  return result;
}

} // namespace winnow
