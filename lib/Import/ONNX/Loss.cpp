#include "OpTable.h"
#include "Softmax.h"

using namespace mlir;

namespace winnow::import {

/// -x[target] * weight[target] for every element, reduced. What has the target
/// `ignore_index` counts neither as a loss nor as a weight.
static Value likelihoodLoss(OpImporter &n, Value x, Value target, Value weight) {
  std::string reduction = n.stringAttr("reduction", "mean");
  bool ignores = n.hasAttr("ignore_index");
  int64_t ignored = n.intAttr("ignore_index", 0);
  if (n.failed())
    return nullptr;
  if (reduction != "none" && reduction != "sum" && reduction != "mean") {
    n.invalid("expected reduction none, sum or mean, got '" + reduction + "'");
    return nullptr;
  }
  Dims dims = n.dims(x), targets = n.dims(target);
  int64_t rank = dims.size();
  if (rank < 2 || targets.size() + 1 != dims.size()) {
    n.invalid("expected an input of rank 2 or more and a target of one rank less, got ranks " +
              Twine(rank) + " and " + Twine(targets.size()));
    return nullptr;
  }
  // The classes are the last dimension of what is gathered from.
  SmallVector<int64_t> classesLast = {0};
  for (int64_t i = 2; i < rank; ++i)
    classesLast.push_back(i);
  classesLast.push_back(1);
  for (int64_t i = 0; i + 1 < rank; ++i)
    n.unify(dims[classesLast[i]], targets[i], "dimension " + Twine(i) + " of the target");
  Value isIgnored;
  if (ignores) {
    isIgnored = n.compare(ComparePredicate::EQ, target, n.scalarLike(target, ignored));
    target = n.make<SelectOp>(isIgnored, n.scalarLike(target, 0), target);
  }
  Dims tuples = targets;
  tuples.push_back(n.constant(1));
  Value picked = n.failed() ? Value()
                            : n.make<GatherNDOp>(n.transpose(x, classesLast),
                                                 n.reshape(target, tuples), rank - 1);
  Value loss = n.make<NegOp>(picked), weights;
  if (weight) {
    weights = n.make<GatherOp>(weight, target, 0);
    loss = n.make<MulOp>(loss, weights);
  }
  if (ignores) {
    Value zero = n.scalarLike(x, 0);
    loss = n.make<SelectOp>(isIgnored, zero, loss);
    weights = n.make<SelectOp>(isIgnored, zero, weights ? weights : n.scalarLike(x, 1));
  }
  if (reduction == "none")
    return loss;
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank - 1));
  if (reduction == "mean" && !weights)
    return n.reduce(ReduceKind::Mean, loss, axes, /*keepdims=*/false);
  Value sum = n.reduce(ReduceKind::Sum, loss, axes, /*keepdims=*/false);
  if (reduction == "sum")
    return sum;
  return n.make<DivOp>(sum, n.reduce(ReduceKind::Sum, weights, axes, /*keepdims=*/false));
}

static void importNegativeLogLikelihoodLoss(OpImporter &n) {
  Value loss = likelihoodLoss(n, n.widen(n.in(0)), n.in(1), n.widen(n.in(2)));
  n.set(n.convert(loss, n.elementType(0)));
}

static void importSoftmaxCrossEntropyLoss(OpImporter &n) {
  n.normalizeAxis(1, n.rank(0));
  Value logits = logSoftmax(n, n.widen(n.in(0)), 1);
  Value loss = likelihoodLoss(n, logits, n.in(1), n.widen(n.in(2)));
  n.set(0, n.convert(loss, n.elementType(0)));
  n.set(1, n.convert(logits, n.elementType(0)));
}

ArrayRef<OpEntry> getLossOps() {
  static const OpEntry ops[] = {
      {"NegativeLogLikelihoodLoss", 12, kMaxOpset, 2, 3, importNegativeLogLikelihoodLoss},
      {"SoftmaxCrossEntropyLoss", 12, kMaxOpset, 2, 3, importSoftmaxCrossEntropyLoss, 2},
  };
  return ops;
}

} // namespace winnow::import
