#include "MaskReader.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISECAUSALMASK
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
struct RaiseCausalMask : winnow::impl::RaiseCausalMaskBase<RaiseCausalMask> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-causal-mask");
    SmallVector<AttentionOp> ops;
    getOperation().walk([&](AttentionOp op) {
      if (op.getMask() && !op.getCausal())
        ops.push_back(op);
    });
    for (AttentionOp op : ops)
      raise(op, reporter);
    eraseDeadOps(getOperation());
  }

  void raise(AttentionOp op, SiteReporter &reporter) {
    MaskReader reader(op);
    bool isBoolean = getElementTypeOrSelf(op.getMask()).isInteger(1);
    if (!reader.read())
      return reporter.refused(op.getLoc(), "causal-mask.fill",
                              "parts of the mask hide keys by different numbers");
    if (!reader.isCausal)
      return;

    Type element = getElementTypeOrSelf(op.getMask());
    bool isF32 = isBoolean || element.isF32();
    if (element.isF32() && reader.addsLowest(getLowest(element)))
      return apply(op, reader, Hidden::AddsLowest, reporter);
    double fill = reader.fills.front().number;
    if (!llvm::all_of(reader.fills, [&](const MaskFill &part) { return part.number == fill; }))
      return reporter.refused(op.getLoc(), "causal-mask.fill",
                              "parts of the mask hide keys by different numbers");

    // Rows of which every key is hidden are where a finite fill shows: keys that
    // causality hides are as low as others there, or lower if it does so twice.
    bool mayHideRows = !reader.seesSomeKey();
    unsigned numCausal = 0;
    for (const MaskFill &part : reader.fills) {
      mayHideRows |= !part.conditions.empty();
      numCausal += part.isCausal;
    }
    bool isFinite = !std::isinf(fill), isLowest = isFinite && mayHideRows && numCausal == 1;
    if ((isFinite && mayHideRows && !isAbsorbing(fill)) ||
        (isLowest && (reader.fills.size() > 1 || !isF32)))
      return reporter.refused(
          op.getLoc(), "causal-mask.fill",
          "rows of hidden keys only depend on their fill, " + std::to_string(fill));
    if (isFinite &&
        !llvm::all_of(reader.added, [](auto &term) { return isBias(term.first); }))
      return reporter.refused(op.getLoc(), "causal-mask.added",
                              "another mask is added, which may hide keys as well");
    apply(op, reader, isLowest ? Hidden::Lowest : Hidden::Infinite, reporter);
  }

  /// What keys that causality hides score.
  enum class Hidden { Infinite, Lowest, AddsLowest };

  static void apply(AttentionOp op, MaskReader &reader, Hidden hidden, SiteReporter &reporter) {
    OpBuilder builder(op);
    Value mask = reader.join(builder, /*isExact=*/hidden == Hidden::AddsLowest);
    if (mask)
      op.getMaskMutable().assign(mask);
    else
      op.getMaskMutable().clear();
    op.setCausal(true);
    op.setCausalAtEnd(reader.isAtEnd);
    op.setCausalLowest(hidden == Hidden::Lowest);
    op.setCausalAddsLowest(hidden == Hidden::AddsLowest);
    reporter.applied(op.getLoc(), "causal-mask.raised",
                     mask ? "raised a part of the mask to causal" : "raised the mask to causal");
  }
};
} // namespace
