#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

/// Until opset 12 the input counts as the matrix [dims before axis, the rest].
static void importSoftmax12(OpImporter &n) {
  int64_t rank = n.rank(0), axis = n.intAttr("axis", 1);
  axis = n.normalizeAxis(axis, rank);
  if (n.failed())
    return;
  if (axis == rank - 1)
    return n.set(n.make<SoftmaxOp>(n.in(0), axis));
  Dims dims = n.dims(0);
  MLIRContext *context = n.b.getContext();
  Value matrix = n.reshape(n.in(0), {getNumElements(ArrayRef(dims).take_front(axis), context),
                                     getNumElements(ArrayRef(dims).drop_front(axis), context)});
  n.set(n.reshape(n.make<SoftmaxOp>(matrix, 1), dims));
}

static void importSoftmax(OpImporter &n) {
  int64_t axis = n.intAttr("axis", -1);
  axis = n.normalizeAxis(axis, n.rank(0));
  n.set(n.make<SoftmaxOp>(n.in(0), axis));
}

/// x - max - log(sum(exp(x - max)))
static void importLogSoftmax(OpImporter &n) {
  int64_t axis = n.intAttr("axis", -1);
  axis = n.normalizeAxis(axis, n.rank(0));
  Value x = n.in(0);
  Value shifted = n.make<SubOp>(x, n.reduce(ReduceKind::Max, x, {axis}, true));
  Value sum = n.reduce(ReduceKind::Sum, n.make<ExpOp>(shifted), {axis}, true);
  n.set(n.make<SubOp>(shifted, n.make<LogOp>(sum)));
}

static bool matches(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

/// Normalises by `norm(x, scale, bias)`, which knows one last dimension; more
/// are flattened into one.
static void importNorm(OpImporter &n, function_ref<Value(Value, Value, Value)> norm) {
  int64_t rank = n.rank(0), axis = n.intAttr("axis", -1);
  axis = n.normalizeAxis(axis, rank);
  Value x = n.in(0), scale = n.in(1), bias = n.in(2);
  if (n.failed())
    return;
  Dims dims = n.dims(0);
  ArrayRef<AffineExpr> normalized = ArrayRef(dims).drop_front(axis);
  AffineExpr count = normalizeDim(getNumElements(normalized, n.b.getContext()));
  bool isFlat = axis == rank - 1;
  if (!isFlat) {
    Dims flat(ArrayRef(dims).take_front(axis));
    flat.push_back(count);
    x = n.reshape(x, flat);
  }
  // Parameters that merely broadcast, or have a type of their own, are applied
  // afterwards.
  bool isPlain = matches(n.dims(1), normalized) && (!bias || matches(n.dims(2), normalized)) &&
                 n.elementType(1) == n.elementType(0);
  Value flatScale = isPlain ? n.reshape(scale, {count}) : Value();
  Value flatBias = isPlain && bias ? n.reshape(bias, {count}) : Value();
  Value result = norm(x, flatScale, flatBias);
  if (!isFlat)
    result = n.reshape(result, dims);
  if (!isPlain) {
    result = n.make<MulOp>(n.convert(result, n.elementType(1)), scale);
    if (bias)
      result = n.make<AddOp>(result, bias);
  }
  n.set(result);
}

static void importLayerNormalization(OpImporter &n) {
  float epsilon = n.floatAttr("epsilon", 1e-5);
  importNorm(n, [&](Value x, Value scale, Value bias) {
    return n.make<LayerNormOp>(x, Value(), scale, bias, llvm::APFloat(epsilon));
  });
}

/// The op computes in float or wider, whatever stash_type asks for.
static void importRMSNormalization(OpImporter &n) {
  float epsilon = n.floatAttr("epsilon", 1e-5);
  importNorm(n, [&](Value x, Value scale, Value) {
    return n.make<RMSNormOp>(x, Value(), scale, llvm::APFloat(epsilon));
  });
}

/// A vector of channels [C] as [1, C, 1, ...], which broadcasts to the input.
static Value channels(OpImporter &n, size_t input) {
  if (n.failed())
    return nullptr;
  if (n.rank(0) < 2 || n.rank(input) != 1) {
    n.invalid("expected an input of rank 2 or more and parameters of rank 1, got ranks " +
              Twine(n.rank(0)) + " and " + Twine(n.rank(input)));
    return nullptr;
  }
  Dims dims(n.rank(0), n.constant(1));
  dims[1] = n.dims(input)[0];
  return n.reshape(n.in(input), dims);
}

static void importBatchNormalization(OpImporter &n) {
  double epsilon = n.floatAttr("epsilon", 1e-5);
  if (n.opset >= 14 && n.intAttr("training_mode", 0) && !n.failed())
    return n.unsupported("training mode", "export the model in evaluation mode");
  Value scale = channels(n, 1), bias = channels(n, 2), mean = channels(n, 3),
        variance = channels(n, 4);
  Value deviation =
      n.make<SqrtOp>(n.make<AddOp>(variance, n.scalarLike(variance, epsilon)));
  Value normalized = n.make<DivOp>(n.make<SubOp>(n.in(0), mean), deviation);
  n.set(n.make<AddOp>(n.make<MulOp>(normalized, scale), bias));
}

/// (x - mean) / sqrt(variance + epsilon) over `axes`.
static Value standardize(OpImporter &n, Value x, ArrayRef<int64_t> axes, double epsilon) {
  Value centered = n.make<SubOp>(x, n.reduce(ReduceKind::Mean, x, axes, true));
  Value variance = n.reduce(ReduceKind::Mean, n.make<MulOp>(centered, centered), axes, true);
  Value deviation =
      n.make<SqrtOp>(n.make<AddOp>(variance, n.scalarLike(variance, epsilon)));
  return n.make<DivOp>(centered, deviation);
}

static void importInstanceNormalization(OpImporter &n) {
  double epsilon = n.floatAttr("epsilon", 1e-5);
  Value scale = channels(n, 1), bias = channels(n, 2);
  if (n.failed())
    return;
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, n.rank(0)));
  Value normalized = standardize(n, n.in(0), axes, epsilon);
  n.set(n.make<AddOp>(n.make<MulOp>(normalized, scale), bias));
}

/// Since opset 21 scale and bias are per channel; before they were per group.
static void importGroupNormalization(OpImporter &n) {
  double epsilon = n.floatAttr("epsilon", 1e-5);
  int64_t groups = n.requiredIntAttr("num_groups");
  Value scale = channels(n, 1), bias = channels(n, 2);
  if (n.failed())
    return;
  Dims dims = n.dims(0), grouped = dims;
  AffineExpr perGroup = groups > 0 ? divideDim(dims[1], n.constant(groups)) : AffineExpr();
  if (!perGroup)
    return n.invalid("expected channels to be a multiple of num_groups, got " + n.text(dims[1]) +
                     " and " + Twine(groups));
  grouped[1] = n.constant(groups);
  grouped.insert(grouped.begin() + 2, perGroup);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, grouped.size()));
  Value normalized = n.reshape(standardize(n, n.reshape(n.in(0), grouped), axes, epsilon), dims);
  n.set(n.make<AddOp>(n.make<MulOp>(normalized, scale), bias));
}

ArrayRef<OpEntry> getNormalizationOps() {
  static const OpEntry ops[] = {
      {"BatchNormalization", 9, kMaxOpset, 5, 5, importBatchNormalization},
      {"GroupNormalization", 21, kMaxOpset, 3, 3, importGroupNormalization},
      {"InstanceNormalization", 6, kMaxOpset, 3, 3, importInstanceNormalization},
      {"LayerNormalization", 17, kMaxOpset, 2, 3, importLayerNormalization},
      {"LogSoftmax", 13, kMaxOpset, 1, 1, importLogSoftmax},
      {"RMSNormalization", 23, kMaxOpset, 2, 2, importRMSNormalization},
      {"Softmax", 1, 12, 1, 1, importSoftmax12},
      {"Softmax", 13, kMaxOpset, 1, 1, importSoftmax},
  };
  return ops;
}

} // namespace winnow::import
