//===- RemovePadding.cpp - Computes on valid tokens only ------------------===//
//
// After ByteTransformer (Zhai et al., IPDPS 2023, arXiv 2210.03052): valid tokens of all
// sequences lie one after the other, what is token-wise runs on [tokens, ...], and attention
// knows where sequences begin.
//
//===----------------------------------------------------------------------===//

#include "PackedEntry.h"
#include "Packer.h"
#include "PaddingCost.h"

#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_REMOVEPADDING
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

static std::string countThings(unsigned count, StringRef thing) {
  return std::to_string(count) + " " + thing.str() + (count == 1 ? "" : "s");
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct RemovePadding : winnow::impl::RemovePaddingBase<RemovePadding> {
  using RemovePaddingBase::RemovePaddingBase;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "remove-padding");
    for (func::FuncOp entry : getEntries(getOperation()))
      remove(entry, reporter);
    eraseDeadOps(getOperation());
  }

  void remove(func::FuncOp entry, SiteReporter &reporter) {
    PaddingAnalysis analysis(entry);
    PackPlan plan(entry, analysis);
    // Where all that could be packed is not worth it, padding stays.
    for (bool isStable = false; !isStable;) {
      isStable = true;
      for (auto [number, space] : llvm::enumerate(analysis.spaces))
        if (!space.obstacle && !plan.count(number)) {
          auto attention = cast<AttentionOp>(space.teller);
          analysis.discard(number, space.teller, "remove-padding.nothing",
                           "no op can run on valid tokens only; of this attention, " +
                               (plan.isPacked(attention) ? "nothing is computed here"
                                                         : plan.getReason(attention)));
          isStable = false;
        }
      for (auto [number, space] : llvm::enumerate(analysis.spaces)) {
        if (space.obstacle || !isStable)
          continue;
        PaddingCost cost = estimateCost(entry, analysis, plan, number);
        if (cost.gains())
          continue;
        analysis.discard(number, space.teller, "remove-padding.no-gain",
                         "packing and unpacking move " + Twine(std::llround(cost.moved)) +
                             " bytes a token, and what would run without padding is worth " +
                             Twine(std::llround(cost.work)));
        isStable = false;
      }
      if (!isStable)
        plan = PackPlan(entry, analysis);
    }
    bool isUseful = false;
    for (const TokenSpace &space : analysis.spaces) {
      isUseful |= !space.obstacle;
      if (space.obstacle)
        reporter.refused(space.obstacle->getLoc(), space.code,
                         "padding of '" + getMaskName(space.root) + "' stays: " + space.reason);
    }
    for (AttentionOp op : entry.getOps<AttentionOp>())
      if (op.getMask() && !analysis.getSite(op).keys)
        reporter.refused(op.getLoc(), "remove-padding.mask",
                         "the mask of this attention is not made of a value for each key that "
                         "hides it or does not");
    if (!isUseful)
      return;
    describe(entry, analysis, plan, reporter);
    if (packedEntry)
      addPackedEntry(entry, reporter);
    mark(entry, analysis);
    Packer packer(entry, analysis, plan);
    packer.run();
  }

  /// Says of outputs where they are no longer what they were: `winnow.padding` with the
  /// input that tells valid tokens, if one does. An output of `tokens` is 0 at the others;
  /// another one may differ where a sequence has none.
  static void mark(func::FuncOp entry, const PaddingAnalysis &analysis) {
    Operation *end = entry.getBody().front().getTerminator();
    Builder b(entry.getContext());
    for (auto [index, value] : llvm::enumerate(end->getOperands())) {
      std::optional<TokenValue> tokens = analysis.getTokens(value);
      const TokenSpace *space = tokens ? &analysis.spaces[tokens->space] : nullptr;
      for (const TokenSpace &other : analysis.spaces)
        if (!space && !other.obstacle && (other.readsFirst || other.hasOtherQueries))
          space = &other;
      if (!space)
        continue;
      bool isInput = isa<BlockArgument>(space->root) && space->rootLayout == TokenLayout{0, {1}};
      entry.setResultAttr(
          index, "winnow.padding",
          b.getDictionaryAttr(
              {b.getNamedAttr("mask", b.getStringAttr(isInput ? getMaskName(space->root) : "")),
               b.getNamedAttr("tokens", b.getBoolAttr(tokens.has_value())),
               b.getNamedAttr("valid_nonzero", b.getBoolAttr(space->isValidNonZero))}));
    }
  }

  /// One entry for each space, and one for each attention that stays padded.
  static void describe(func::FuncOp entry, const PaddingAnalysis &analysis, const PackPlan &plan,
                       SiteReporter &reporter) {
    Operation *end = entry.getBody().front().getTerminator();
    for (auto [number, space] : llvm::enumerate(analysis.spaces)) {
      if (space.obstacle)
        continue;
      unsigned ops = plan.count(number), packedAttentions = 0;
      for (AttentionOp op : entry.getOps<AttentionOp>()) {
        const AttentionSite &site = analysis.getSite(op);
        if (site.queries != number && site.keys != number)
          continue;
        if (plan.isPacked(op))
          ++packedAttentions;
        else
          reporter.refused(op.getLoc(), "remove-padding.attention-stays",
                           "this attention runs padded: " + plan.getReason(op));
      }
      SmallVector<std::string> outputs;
      for (auto [index, value] : llvm::enumerate(end->getOperands()))
        if (std::optional<TokenValue> tokens = analysis.getTokens(value);
            tokens && tokens->space == number) {
          auto name = entry.getResultAttrOfType<StringAttr>(index, "winnow.name");
          outputs.push_back("'" + (name ? name.getValue().str() : std::to_string(index)) + "'");
        }
      std::string sentence = "runs " + countThings(packedAttentions, "attention") + " and " +
                             countThings(ops, "other op") + " on the valid tokens of '" +
                             getMaskName(space.root) + "'";
      if (!outputs.empty())
        sentence += "; " + llvm::join(outputs, ", ") + (outputs.size() == 1 ? " is" : " are") +
                    " 0 at padded positions";
      if (space.readsFirst || space.hasOtherQueries)
        sentence += "; what attends to a sequence without valid tokens gets 0";
      reporter.applied(space.teller->getLoc(), "remove-padding.packed", sentence);
    }
  }
};
} // namespace
