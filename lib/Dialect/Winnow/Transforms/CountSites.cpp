#include "ActivationMatch.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_COUNTSITES
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
struct CountSites : winnow::impl::CountSitesBase<CountSites> {
  /// Properties of each kind's sites, the kind itself first, with their numbers.
  llvm::MapVector<StringRef, llvm::MapVector<StringRef, unsigned>> kinds;

  void count(StringRef kind, StringRef property) { ++kinds[kind][property]; }

  void countRational(RationalAttr rational) {
    if (rational)
      count("activation", stringifyActivation(Activation::GroupRational));
  }

  void runOnOperation() override {
    kinds.clear();
    for (StringRef kind : {"attention", "norm", "rotary", "activation", "basis", "linear"})
      kinds[kind] = {};
    getOperation().walk([&](Operation *op) { visit(op); });
    SmallVector<SiteReport> reports;
    for (auto &[kind, properties] : kinds) {
      if (properties.empty())
        continue;
      SmallVector<std::string> parts;
      for (auto &[property, number] : properties)
        parts.push_back(std::to_string(number) + " " + property.str());
      reports.push_back(
          {"count-sites", "model", true, ("sites." + kind).str(), llvm::join(parts, ", ")});
    }
    appendReports(getOperation(), reports);
  }

  void visit(Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](AttentionOp attention) {
          count("attention", "attention");
          if (attention.getCausal())
            count("attention", "causal");
          if (attention.getMask())
            count("attention", "masked");
          if (attention.getKey().getType().getShape()[2] !=
              attention.getQuery().getType().getShape()[2])
            count("attention", "grouped");
        })
        .Case([&](ProbSparseAttentionOp) { count("attention", "probsparse"); })
        .Case([&](LayerNormOp norm) {
          count("norm", "layer_norm");
          countRational(norm.getRationalAttr());
        })
        .Case([&](RMSNormOp norm) {
          count("norm", "rms_norm");
          countRational(norm.getRationalAttr());
        })
        .Case([&](GroupRationalOp function) { countRational(function.getRational()); })
        .Case([&](RotaryOp) { count("rotary", "rotary"); })
        .Case([&](BSplineOp) { count("basis", "bspline"); })
        .Case([&](GaussianBasisOp) { count("basis", "gaussian_basis"); })
        .Case([&](GeluOp gelu) {
          count("activation", gelu.getTanhApproximation() ? "gelu_tanh" : "gelu");
        })
        .Case([&](SigmoidOp sigmoid) {
          // What is left outside of linears: the gate of a joint projection.
          Value x = sigmoid.getInput();
          if (auto scaled = x.getDefiningOp<MulOp>(); scaled && !matchSwish(x))
            x = getScalarConstant(scaled.getLhs()) ? scaled.getRhs() : scaled.getLhs();
          if (std::optional<ActivationEnd> swish = matchSwish(x))
            count("activation", stringifyActivation(swish->activation));
        })
        .Case([&](LinearOp linear) {
          count("linear", "linear");
          if (linear.getActivation() != Activation::None)
            count("activation", stringifyActivation(linear.getActivation()));
        });
  }
};
} // namespace
