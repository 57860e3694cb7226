#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

static bool matches(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

/// A layer norm's further outputs: the mean and 1 / sqrt(variance + epsilon),
/// computed in float or wider.
static void setStatistics(OpImporter &n, int64_t axis, double epsilon) {
  int64_t stash = n.intAttr("stash_type", onnx::TensorProto::FLOAT);
  Type stored = n.failed() ? Type() : n.getDataType(stash);
  Value x = n.widen(n.in(0));
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(axis, n.rank(0)));
  Value mean = n.reduce(ReduceKind::Mean, x, axes, true), centered = n.make<SubOp>(x, mean);
  Value variance = n.reduce(ReduceKind::Mean, n.make<MulOp>(centered, centered), axes, true);
  Value deviation = n.make<SqrtOp>(n.make<AddOp>(variance, n.scalarLike(variance, epsilon)));
  n.set(1, n.convert(mean, stored));
  n.set(2, n.convert(n.make<ReciprocalOp>(deviation), stored));
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
  if (n.isUsed(1) || n.isUsed(2))
    setStatistics(n, n.normalizeAxis(n.intAttr("axis", -1), n.rank(0)), epsilon);
}

/// The op computes in float or wider, whatever stash_type asks for.
static void importRMSNormalization(OpImporter &n) {
  float epsilon = n.floatAttr("epsilon", 1e-5);
  importNorm(n, [&](Value x, Value scale, Value) {
    return n.make<RMSNormOp>(x, Value(), scale, llvm::APFloat(epsilon));
  });
}

/// What ONNX Runtime writes into the default domain: the scale's type is the
/// result's, and 1 / sqrt(mean square + epsilon) is an output too.
static void importSimplifiedLayerNormalization(OpImporter &n) {
  importRMSNormalization(n);
  if (!n.isUsed(1) || n.failed())
    return;
  double epsilon = n.floatAttr("epsilon", 1e-5);
  int64_t axis = n.normalizeAxis(n.intAttr("axis", -1), n.rank(0));
  Value x = n.widen(n.in(0));
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(axis, n.rank(0)));
  Value square = n.reduce(ReduceKind::Mean, n.make<MulOp>(x, x), axes, true);
  Value root = n.make<SqrtOp>(n.make<AddOp>(square, n.scalarLike(square, epsilon)));
  n.set(1, n.convert(n.make<ReciprocalOp>(root), n.b.getF32Type()));
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

/// The parameters are per channel, or until opset 8 without `spatial` per
/// element of a sample. In training the batch's own statistics are used, which
/// also move the running ones.
static void importBatchNormalization(OpImporter &n) {
  double epsilon = n.floatAttr("epsilon", 1e-5), momentum = n.floatAttr("momentum", 0.9);
  bool isTraining = n.opset < 7 ? !n.intAttr("is_test", 0)
                                : n.opset >= 14 && n.intAttr("training_mode", 0);
  bool isSpatial = n.opset >= 9 || n.intAttr("spatial", 1);
  if (n.opset < 14)
    for (size_t i = 1; i < 5; ++i)
      isTraining |= n.isUsed(i);
  if (n.opset < 14 && isTraining && !n.failed())
    return n.unsupported("training mode before opset 14",
                         "export the model in evaluation mode");
  // The parameters may be wider than the input.
  Value x = n.widen(n.in(0));
  for (size_t i = 1; i < 5; ++i)
    if (n.elementType(i).isF64())
      x = n.convert(x, n.elementType(i));
  auto parameter = [&](size_t i) {
    Value value = isSpatial ? channels(n, i) : n.in(i);
    return n.failed() ? Value() : n.convert(value, getElementTypeOrSelf(x));
  };
  Value scale = parameter(1), bias = parameter(2), mean = parameter(3), variance = parameter(4);
  if (isTraining && !n.failed()) {
    SmallVector<int64_t> axes{0};
    llvm::append_range(axes, llvm::seq<int64_t>(2, n.rank(0)));
    auto average = [&](Value value) { return n.reduce(ReduceKind::Mean, value, axes, true); };
    auto move = [&](size_t output, Value running, Value current, Type type) {
      if (!n.isUsed(output))
        return;
      Value moved = n.make<AddOp>(n.make<MulOp>(running, n.scalarLike(running, momentum)),
                                  n.make<MulOp>(current, n.scalarLike(current, 1 - momentum)));
      n.set(output, n.convert(n.reshape(moved, n.dims(output + 2)), type));
    };
    Value batchMean = average(x), centered = n.make<SubOp>(x, batchMean);
    Value batchVariance = average(n.make<MulOp>(centered, centered));
    move(1, mean, batchMean, n.elementType(3));
    move(2, variance, batchVariance, n.elementType(4));
    mean = batchMean;
    variance = batchVariance;
  }
  Value deviation =
      n.make<SqrtOp>(n.make<AddOp>(variance, n.scalarLike(variance, epsilon)));
  Value normalized = n.make<DivOp>(n.make<SubOp>(x, mean), deviation);
  Value result = n.make<AddOp>(n.make<MulOp>(normalized, scale), bias);
  n.set(n.convert(result, n.elementType(0)));
}

/// (x - mean) / deviation over `axes`, where `getDeviation` gives that of a
/// variance. Narrow floats come back widened.
template <typename GetDeviation>
static Value standardize(OpImporter &n, Value x, ArrayRef<int64_t> axes, GetDeviation getDeviation) {
  if (n.failed())
    return nullptr;
  Value wide = n.widen(x);
  Value centered = n.make<SubOp>(wide, n.reduce(ReduceKind::Mean, wide, axes, true));
  Value variance = n.reduce(ReduceKind::Mean, n.make<MulOp>(centered, centered), axes, true);
  return n.make<DivOp>(centered, getDeviation(variance));
}

/// (x - mean) / sqrt(variance + epsilon) over `axes`.
static Value standardize(OpImporter &n, Value x, ArrayRef<int64_t> axes, double epsilon) {
  return standardize(n, x, axes, [&](Value variance) {
    return n.make<SqrtOp>(n.make<AddOp>(variance, n.scalarLike(variance, epsilon)));
  });
}

/// A deviation of 0 gives 0.
static void importMeanVarianceNormalization(OpImporter &n) {
  SmallVector<int64_t> axes = n.intsAttr("axes").value_or(SmallVector<int64_t>{0, 2, 3});
  axes = n.normalizeAxes(axes, n.rank(0));
  Value result = standardize(n, n.in(0), axes, [&](Value variance) {
    return n.make<AddOp>(n.make<SqrtOp>(variance), n.scalarLike(variance, 1e-9));
  });
  n.set(n.convert(result, n.elementType(0)));
}

static void importInstanceNormalization(OpImporter &n) {
  double epsilon = n.floatAttr("epsilon", 1e-5);
  Value scale = n.widen(channels(n, 1)), bias = n.widen(channels(n, 2));
  if (n.failed())
    return;
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, n.rank(0)));
  Value normalized = standardize(n, n.in(0), axes, epsilon);
  Value result = n.make<AddOp>(n.make<MulOp>(normalized, scale), bias);
  n.set(n.convert(result, n.elementType(0)));
}

/// Since opset 21 scale and bias are per channel; before they were per group.
static void importGroupNormalization(OpImporter &n) {
  double epsilon = n.floatAttr("epsilon", 1e-5);
  int64_t groups = n.requiredIntAttr("num_groups");
  Value scale = n.widen(channels(n, 1)), bias = n.widen(channels(n, 2));
  if (n.failed())
    return;
  Dims dims = n.dims(0), grouped = dims;
  if (groups < 1)
    return n.invalid("expected num_groups of 1 or more, got " + Twine(groups));
  AffineExpr perGroup = n.divide(dims[1], n.constant(groups), "the channels");
  grouped[1] = n.constant(groups);
  grouped.insert(grouped.begin() + 2, perGroup);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, grouped.size()));
  Value normalized = standardize(n, n.reshape(n.in(0), grouped), axes, epsilon);
  if (n.opset >= 21) {
    normalized = n.reshape(normalized, dims);
  } else {
    Dims perGroupDims(grouped.size(), n.constant(1));
    perGroupDims[1] = n.constant(groups);
    for (Value *parameter : {&scale, &bias})
      if (!n.failed() && n.unify(n.dims(*parameter)[1], grouped[1], "the groups and parameters"))
        *parameter = n.reshape(*parameter, perGroupDims);
  }
  Value result = n.make<AddOp>(n.make<MulOp>(normalized, scale), bias);
  n.set(n.convert(n.reshape(result, dims), n.elementType(0)));
}

/// x / norm, and 0 where the norm is 0.
static void importLpNormalization(OpImporter &n) {
  int64_t p = n.intAttr("p", 2), axis = n.normalizeAxis(n.intAttr("axis", -1), n.rank(0));
  if (!n.failed() && p != 1 && p != 2)
    return n.invalid("expected p to be 1 or 2, got " + Twine(p));
  Value x = n.widen(n.in(0));
  Value sum = n.reduce(ReduceKind::Sum, p == 1 ? n.make<AbsOp>(x) : n.make<MulOp>(x, x), {axis}, true);
  Value norm = p == 1 ? sum : n.make<SqrtOp>(sum), zero = n.scalarLike(norm, 0);
  Value isZero = n.compare(ComparePredicate::EQ, norm, zero);
  Value result = n.make<SelectOp>(isZero, zero, n.make<DivOp>(x, norm));
  n.set(n.convert(result, n.elementType(0)));
}

/// x / (bias + alpha / size * squares)^beta, with the squares of `size` channels
/// around each one added up.
static void importLRN(OpImporter &n) {
  constexpr int64_t kMaxSize = 256;
  double alpha = n.floatAttr("alpha", 1e-4), beta = n.floatAttr("beta", 0.75);
  double bias = n.floatAttr("bias", 1);
  int64_t size = n.requiredIntAttr("size");
  if (n.failed())
    return;
  if (n.rank(0) < 2 || size < 1)
    return n.invalid("expected an input of rank 2 or more and a size of 1 or more, got rank " +
                     Twine(n.rank(0)) + " and " + Twine(size));
  if (size > kMaxSize)
    return n.unsupported("a size of more than " + Twine(kMaxSize) + " channels");
  Value x = n.widen(n.in(0)), sum;
  Dims dims = n.dims(0), edge = dims;
  auto zeros = [&](int64_t count) {
    edge[1] = n.constant(count);
    return n.broadcastTo(n.scalarLike(x, 0), edge);
  };
  Value square = n.make<MulOp>(x, x);
  Value padded = n.concat({zeros((size - 1) / 2), square, zeros(size / 2)}, 1);
  for (int64_t i = 0; i < size; ++i) {
    Value part = n.sliceDim(padded, 1, n.constant(i), dims[1]);
    sum = sum ? n.make<AddOp>(sum, part) : part;
  }
  Value scaled = n.make<MulOp>(sum, n.scalarLike(sum, alpha / size));
  Value base = n.make<AddOp>(scaled, n.scalarLike(scaled, bias));
  Value result = n.make<DivOp>(x, n.make<PowOp>(base, n.scalarLike(base, beta)));
  n.set(n.convert(result, n.elementType(0)));
}

ArrayRef<OpEntry> getNormalizationOps() {
  static const OpEntry ops[] = {
      {"BatchNormalization", 1, kMaxOpset, 5, 5, importBatchNormalization, 5},
      {"GroupNormalization", 18, kMaxOpset, 3, 3, importGroupNormalization},
      {"InstanceNormalization", 1, kMaxOpset, 3, 3, importInstanceNormalization},
      // ONNX Runtime's optimiser writes it, and a simplified one, into any opset.
      {"LayerNormalization", 1, kMaxOpset, 2, 3, importLayerNormalization, 3},
      {"LpNormalization", 1, kMaxOpset, 1, 1, importLpNormalization},
      {"LRN", 1, kMaxOpset, 1, 1, importLRN},
      {"MeanVarianceNormalization", 9, kMaxOpset, 1, 1, importMeanVarianceNormalization},
      {"RMSNormalization", 23, kMaxOpset, 2, 2, importRMSNormalization},
      {"SimplifiedLayerNormalization", 1, kMaxOpset, 2, 2, importSimplifiedLayerNormalization, 2},
  };
  return ops;
}

} // namespace winnow::import
