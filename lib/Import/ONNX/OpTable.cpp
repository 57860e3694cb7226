#include "OpTable.h"

#include "winnow/Import/ONNX/Import.h"

#include <algorithm>
#include <tuple>

using namespace llvm;

namespace winnow {
namespace import {

/// Those of the default domain.
static ArrayRef<ArrayRef<OpEntry>> getFamilies() {
  static const ArrayRef<OpEntry> families[] = {
      getActivationOps(),
      getAttentionOps(),
      getCastingOps(),
      getContractionOps(),
      getConvolutionOps(),
      getCropPadOps(),
      getDeformConvOps(),
      getEinsumOps(),
      getElementwiseOps(),
      getFoldOps(),
      getFourierOps(),
      getGridSampleOps(),
      getIndexingOps(),
      getLinearAttentionOps(),
      getLossOps(),
      getMathOps(),
      getMaxRoiPoolOps(),
      getMovementOps(),
      getNormalizationOps(),
      getPoolOps(),
      getQuantizationOps(),
      getRandomOps(),
      getRecurrentOps(),
      getReductionOps(),
      getReshapingOps(),
      getResizeOps(),
      getRoiAlignOps(),
      getRotaryEmbeddingOps(),
      getScatterOps(),
      getSelectionOps(),
      getSequenceOps(),
      getShapeOps(),
      getSliceOps(),
      getSoftmaxOps(),
      getSpectrumOps(),
      getStatefulOps(),
  };
  return families;
}

/// Those of com.microsoft.
static ArrayRef<ArrayRef<OpEntry>> getMicrosoftFamilies() {
  static const ArrayRef<OpEntry> families[] = {
      getGroupQueryAttentionOps(),
      getMicrosoftAttentionOps(),
      getMicrosoftFusionOps(),
      getMicrosoftNormalizationOps(),
      getMicrosoftQLinearOps(),
      getMicrosoftQuantizationOps(),
      getMicrosoftRotaryEmbeddingOps(),
  };
  return families;
}

namespace {
struct Domain {
  StringLiteral name;
  ArrayRef<ArrayRef<OpEntry>> families;
};
} // namespace

static ArrayRef<Domain> getDomains() {
  static const Domain domains[] = {{"", getFamilies()},
                                   {kMicrosoftDomain, getMicrosoftFamilies()}};
  return domains;
}

const OpEntry *findOp(StringRef domain, StringRef name, int64_t opset, std::string &reason) {
  using Entries = StringMap<SmallVector<const OpEntry *>>;
  static const StringMap<Entries> index = [] {
    StringMap<Entries> map;
    for (const Domain &domain : getDomains())
      for (ArrayRef<OpEntry> family : domain.families)
        for (const OpEntry &entry : family)
          map[domain.name][entry.name].push_back(&entry);
    return map;
  }();
  auto entries = index.find(domain);
  if (entries == index.end()) {
    reason = "the operator's domain is not supported";
    return nullptr;
  }
  auto it = entries->second.find(name);
  if (it == entries->second.end()) {
    reason = "the operator is not supported";
    return nullptr;
  }
  for (const OpEntry *entry : it->second)
    if (entry->minOpset <= opset && opset <= entry->maxOpset)
      return entry;
  reason = ("the operator is not supported at opset " + Twine(opset)).str();
  return nullptr;
}

void importAs(OpImporter &n, StringRef name) {
  std::string reason;
  findOp("", name, kMaxOpset, reason)->import(n);
}

} // namespace import

int64_t getMaxOpset() { return import::kMaxOpset; }

std::vector<SupportedOperator> getSupportedOperators() {
  // What holds graphs is no row of a family (see Subgraphs.cpp).
  std::vector<SupportedOperator> result = {{"", "If", 1, import::kMaxOpset},
                                           {"", "Loop", 1, import::kMaxOpset},
                                           {"", "Scan", 8, import::kMaxOpset},
                                           {"", "SequenceMap", 17, import::kMaxOpset},
                                           {import::kPreviewDomain, "FlexAttention", 1, 1}};
  for (const import::Domain &domain : import::getDomains())
    for (ArrayRef<import::OpEntry> family : domain.families)
      for (const import::OpEntry &entry : family)
        result.push_back({domain.name, entry.name, entry.minOpset, entry.maxOpset});
  std::sort(result.begin(), result.end(), [](const auto &a, const auto &b) {
    return std::tie(a.domain, a.name, a.minOpset) < std::tie(b.domain, b.name, b.minOpset);
  });
  return result;
}

} // namespace winnow
