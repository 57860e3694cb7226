#include "winnow/Dialect/Winnow/Transforms/Work.h"

#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

/// What memory brings in the time of a multiplication.
static constexpr double kBytesPerStep = 0.25;
static constexpr int64_t kAssumedSize = 128;
/// Products of integers in the time of one of floats.
static constexpr double kIntegerRate = 2;

double winnow::getProductTime(double rows, double inputs, double outputs, double weightBytes,
                              int64_t bits) {
  double rate = bits <= 8 ? kIntegerRate : 1;
  return std::max(rows * inputs * outputs / rate, weightBytes / kBytesPerStep);
}

namespace {
/// Sizes of one function.
class WorkCounter {
public:
  explicit WorkCounter(func::FuncOp entry) {
    for (const SymbolInfo &symbol : getSymbols(entry)) {
      int64_t size = std::max(symbol.min, std::min(kAssumedSize, symbol.max));
      sizes.push_back(getAffineConstantExpr(size, entry.getContext()));
    }
  }

  double count(Operation *op) const {
    return llvm::TypeSwitch<Operation *, double>(op)
        .Case([&](LinearOp linear) {
          Dims weight = getDims(linear.getWeight());
          bool isTransposed = linear.getTransposeWeight();
          double inputs = get(weight[isTransposed]), outputs = get(weight[!isTransposed]);
          double rows = getElements(linear.getInput()) / inputs;
          auto attr = linear->getAttrOfType<IntegerAttr>(kBits);
          int64_t bits = attr ? attr.getInt() : 32;
          double density = getDensity(linear.getInput());
          // Integers are computed as a whole.
          outputs *= attr ? 1 : getGateDensity(linear);
          return getProductTime(rows, inputs * density, outputs,
                                inputs * density * outputs * bits / 8, bits);
        })
        .Case([&](MatMulOp product) {
          double inner = get(getDims(product.getLhs()).back());
          return getElements(product.getResult()) * inner;
        })
        .Case([&](QuantizedMatMulOp product) {
          double inner = get(getDims(product.getLhs()).back());
          return getElements(product.getResult()) * inner / kIntegerRate;
        })
        .Case([&](AttentionOp attention) {
          return getElements(attention.getQuery()) * get(getDims(attention.getKey())[1]) +
                 getElements(attention.getResult()) * get(getDims(attention.getKey())[1]);
        })
        .Case([&](ProbSparseAttentionOp attention) {
          Dims query = getDims(attention.getQuery());
          double keys = get(getDims(attention.getKey())[1]);
          double samples = get(getDims(attention.getTable()).back());
          double kept = attention.getKept() / std::max(get(query[1]), 1.0);
          return getElements(attention.getQuery()) * (samples + kept * keys) +
                 getElements(attention.getResult()) * kept * keys;
        })
        .Case([&](GroupRationalOp function) {
          RationalAttr rational = function.getRational();
          return getElements(function.getResult()) *
                 (rational.getNumeratorDegree() + rational.getDenominatorDegree() + 4.0);
        })
        .Case<BSplineOp, GaussianBasisOp>(
            [&](Operation *basis) { return 4 * getElements(basis->getResult(0)); })
        .Case<ConstantOp, ReshapeOp, TransposeOp, SliceOp, BroadcastToOp>(
            [](Operation *) { return 0.0; })
        .Default([&](Operation *other) {
          double elements = 0;
          for (Value result : other->getResults())
            if (isa<RankedTensorType>(result.getType()))
              elements += getElements(result);
          return elements;
        });
  }

private:
  double get(AffineExpr dim) const {
    if (!dim)
      return kAssumedSize;
    auto size = dyn_cast<AffineConstantExpr>(dim.replaceSymbols(sizes));
    return size ? std::max<double>(size.getValue(), 0) : kAssumedSize;
  }
  double getElements(Value value) const {
    double elements = 1;
    for (AffineExpr dim : getDims(value))
      elements *= get(dim);
    return elements;
  }
  /// What zeros among the inputs leave of a product.
  double getDensity(Value value) const {
    Operation *op = value.getDefiningOp();
    if (auto product = dyn_cast_or_null<MulOp>(op))
      return std::min(getDensity(product.getLhs()), getDensity(product.getRhs()));
    if (auto greatest = dyn_cast_or_null<TopKActivationOp>(op))
      return std::min(greatest.getK() / std::max(get(getDims(value).back()), 1.0), 1.0);
    auto known = op ? op->getAttrOfType<FloatAttr>(kDensity) : FloatAttr();
    return known ? known.getValueAsDouble() : 1;
  }

  /// What a gate behind a layer leaves of it.
  double getGateDensity(LinearOp linear) const {
    auto product = linear->hasOneUse() ? dyn_cast<MulOp>(*linear->user_begin()) : MulOp();
    if (!product || linear.getResidual())
      return 1;
    return getDensity(product.getLhs() == linear.getResult() ? product.getRhs() : product.getLhs());
  }

  SmallVector<AffineExpr> sizes;
};
} // namespace

double winnow::estimateWork(ModuleOp module) {
  double work = 0;
  for (func::FuncOp entry : getEntries(module)) {
    WorkCounter counter(entry);
    // An iteration of a loop counts once.
    entry.walk([&](Operation *op) {
      if (isa_and_nonnull<WinnowDialect>(op->getDialect()))
        work += counter.count(op);
    });
  }
  return work;
}
