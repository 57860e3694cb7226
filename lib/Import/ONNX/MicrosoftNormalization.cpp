//===- MicrosoftNormalization.cpp - Norms of ONNX Runtime's optimiser -----===//

#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

/// A sum of the inputs and, over the last dimension, its norm. The sum is an output
/// too, after what training would read.
static void importSkipNorm(OpImporter &n, size_t bias,
                           llvm::function_ref<Value(Value, llvm::APFloat)> norm) {
  float epsilon = n.floatAttr("epsilon", 1e-12);
  if (!n.failed() && n.rank(1) > n.rank(0))
    return n.invalid("expected a skip of rank " + Twine(n.rank(0)) + " or less, got rank " +
                     Twine(n.rank(1)));
  Value sum = n.make<AddOp>(n.in(0), n.in(1));
  if (n.has(bias))
    sum = n.make<AddOp>(sum, n.in(bias));
  n.set(0, norm(sum, llvm::APFloat(epsilon)));
  n.set(3, sum);
}

static void importSkipLayerNormalization(OpImporter &n) {
  importSkipNorm(n, 4, [&](Value sum, llvm::APFloat epsilon) {
    return n.make<LayerNormOp>(sum, Value(), n.in(2), n.in(3), epsilon);
  });
}

static void importSkipSimplifiedLayerNormalization(OpImporter &n) {
  importSkipNorm(n, 3, [&](Value sum, llvm::APFloat epsilon) {
    return n.make<RMSNormOp>(sum, Value(), n.in(2), epsilon);
  });
}

/// The rows of words, positions and segments added up, and normalised.
static void importEmbedLayerNormalization(OpImporter &n) {
  float epsilon = n.floatAttr("epsilon", 1e-12);
  for (size_t i : {2, 3, 5, 6})
    if (!n.has(i))
      return n.invalid("expected input " + Twine(i) + ", got none");
  if (n.has(1) != n.has(4))
    return n.invalid("expected segment_ids and segment_embedding together, got one");
  for (size_t i : {0, 2, 3})
    if (n.rank(i) != 2)
      return n.invalid("expected input " + Twine(i) + " of rank 2, got rank " + Twine(n.rank(i)));
  n.checkIntegers(0);
  if (n.failed())
    return;
  Dims ids = n.dims(0);
  Type i64 = n.b.getI64Type();
  Value places = n.has(8) ? n.in(8) : n.reshape(n.iota(ids[1], i64), {n.constant(1), ids[1]});
  Value words = n.make<GatherOp>(n.in(2), n.in(0), 0);
  Value sum = n.make<AddOp>(words, n.make<GatherOp>(n.in(3), places, 0));
  if (n.has(1))
    sum = n.make<AddOp>(sum, n.make<GatherOp>(n.in(4), n.in(1), 0));
  n.set(0, n.make<LayerNormOp>(sum, Value(), n.in(5), n.in(6), llvm::APFloat(epsilon)));
  n.set(2, sum);
  if (!n.isUsed(1))
    return;
  // How many tokens there are, 0 without a mask.
  Type i32 = n.b.getIntegerType(32);
  if (!n.has(7))
    return n.set(1, n.broadcastTo(n.scalar(i32, 0), {ids[0]}));
  n.checkIntegers(7);
  Value isToken = n.compare(ComparePredicate::EQ, n.in(7), n.scalarLike(n.in(7), 1));
  n.set(1, n.reduce(ReduceKind::Sum, n.convert(isToken, i32), {1}, /*keepdims=*/false));
}

ArrayRef<OpEntry> getMicrosoftNormalizationOps() {
  static const OpEntry ops[] = {
      {"EmbedLayerNormalization", 1, 1, 1, 9, importEmbedLayerNormalization, 3},
      {"SkipLayerNormalization", 1, 1, 3, 5, importSkipLayerNormalization, 4},
      {"SkipSimplifiedLayerNormalization", 1, 1, 3, 4, importSkipSimplifiedLayerNormalization, 4},
  };
  return ops;
}

} // namespace winnow::import
