#include "OpTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace winnow::import {

/// The number of the round inside loops, null outside. Rounds of nested loops are
/// joined in steps of 2^21, so that three levels have numbers of their own.
static Value getRound(OpImporter &n) {
  SmallVector<Value> indices;
  for (Operation *op = n.b.getInsertionBlock()->getParentOp(); op; op = op->getParentOp())
    if (auto loop = dyn_cast<scf::ForOp>(op))
      indices.push_back(loop.getInductionVar());
  Type i64 = n.b.getI64Type();
  Value round;
  for (Value index : llvm::reverse(indices)) {
    Value number = arith::IndexCastOp::create(n.b, n.loc, i64, index);
    if (round) {
      Value step = arith::ConstantIntOp::create(n.b, n.loc, i64, int64_t(1) << 21);
      round = arith::MulIOp::create(n.b, n.loc, round, step);
      number = arith::AddIOp::create(n.b, n.loc, round, number);
    }
    round = number;
  }
  auto type = RankedTensorType::get({}, i64);
  return round ? tensor::FromElementsOp::create(n.b, n.loc, type, round).getResult() : Value();
}

/// Numbers of the node's own stream, or of the one that its seed names.
static Value draw(OpImporter &n, RandomKind kind, ArrayRef<AffineExpr> dims, Type element) {
  uint32_t seed = n.streams.seed, stream = 0;
  if (const onnx::AttributeProto *given = n.find("seed"))
    seed = given->type() == onnx::AttributeProto::INT
               ? static_cast<uint32_t>(n.intAttr("seed", 0))
               : llvm::bit_cast<uint32_t>(static_cast<float>(n.floatAttr("seed", 0)));
  else
    stream = ++n.streams.numStreams;
  n.streams.isUsed = true;
  if (n.failed())
    return nullptr;
  return n.makeAs<RandomOp>(n.makeType(dims, element), kind, seed, stream, getRound(n));
}

/// The type that `dtype` names, which must be a float.
static Type getFloatType(OpImporter &n, Type otherwise) {
  Type type = n.hasAttr("dtype") ? n.getDataType(n.intAttr("dtype", 0)) : otherwise;
  if (type && !isa<FloatType>(type))
    n.invalid("expected dtype to be a float");
  return n.failed() ? Type() : type;
}

static void importDistribution(OpImporter &n, RandomKind kind, ArrayRef<AffineExpr> dims,
                               Type element) {
  bool isNormal = kind == RandomKind::Normal;
  double shift = isNormal ? n.floatAttr("mean", 0) : n.floatAttr("low", 0);
  double scale = isNormal ? n.floatAttr("scale", 1) : n.floatAttr("high", 1) - shift;
  if (n.failed())
    return;
  Value x = draw(n, kind, dims, element);
  if (scale != 1)
    x = n.make<MulOp>(x, n.scalarLike(x, scale));
  if (shift != 0)
    x = n.make<AddOp>(x, n.scalarLike(x, shift));
  n.set(x);
}

template <RandomKind kind> static void importRandom(OpImporter &n) {
  std::optional<SmallVector<int64_t>> shape = n.intsAttr("shape");
  if (!shape)
    n.invalid("expected attribute 'shape', got none");
  Type element = getFloatType(n, n.b.getF32Type());
  if (n.failed())
    return;
  Dims dims;
  for (int64_t size : *shape)
    dims.push_back(n.constant(size));
  importDistribution(n, kind, dims, element);
}

template <RandomKind kind> static void importRandomLike(OpImporter &n) {
  Type element = getFloatType(n, n.elementType(0));
  if (!n.failed())
    importDistribution(n, kind, n.dims(0), element);
}

/// 1 with the given probability, which no uniform number reaches if it is 0 and
/// every one does if it is 1.
static void importBernoulli(OpImporter &n) {
  Value probability = n.in(0);
  Type element = n.hasAttr("dtype") ? n.getDataType(n.intAttr("dtype", 0)) : n.elementType(0);
  if (!n.failed() && !isa<FloatType>(n.elementType(0)))
    n.invalid("expected probabilities that are floats");
  if (n.failed())
    return;
  Value uniform = draw(n, RandomKind::Uniform, n.dims(0), n.elementType(0));
  n.set(n.convert(n.compare(ComparePredicate::LT, uniform, probability), element));
}

/// The first class whose running sum of weights exceeds a uniform part of the
/// whole. Rounding keeps the part below the whole, so that there is one.
static void importMultinomial(OpImporter &n) {
  if (n.rank(0) != 2)
    return n.invalid("expected log-probabilities of rank 2, got rank " + Twine(n.rank(0)));
  int64_t samples = n.intAttr("sample_size", 1);
  Type element = n.hasAttr("dtype") ? n.getDataType(n.intAttr("dtype", 0)) : n.b.getI32Type();
  if (!n.failed() && !element.isSignlessInteger(32) && !element.isSignlessInteger(64))
    n.invalid("expected dtype to be int32 or int64");
  if (!n.failed() && samples < 0)
    n.invalid("expected a sample_size of 0 or more, got " + Twine(samples));
  Value logits = n.in(0);
  if (n.failed())
    return;
  Type work = n.elementType(0).isF64() ? n.elementType(0) : n.b.getF32Type();
  AffineExpr batch = n.dims(0)[0], classes = n.dims(0)[1], one = n.constant(1);
  if (isConstantDim(classes, 0))
    return n.invalid("expected at least one class, got none");
  logits = n.convert(logits, work);
  Value largest = n.reduce(ReduceKind::Max, logits, {1}, /*keepdims=*/true);
  Value sums = n.make<CumSumOp>(n.make<ExpOp>(n.make<SubOp>(logits, largest)), 1,
                                /*exclusive=*/false, /*reverse=*/false);
  Value whole = n.sliceDim(sums, 1, classes - 1, one);
  Value part =
      n.make<MulOp>(draw(n, RandomKind::Uniform, {batch, n.constant(samples)}, work), whole);
  Value isBelow = n.compare(ComparePredicate::LE, n.reshape(sums, {batch, one, classes}),
                            n.reshape(part, {batch, n.constant(samples), one}));
  n.set(n.reduce(ReduceKind::Sum, n.convert(isBelow, element), {2}, /*keepdims=*/false));
}

/// Whether a Dropout is for training: a value where only data tells, else null and
/// the answer in `isTraining`.
static Value getTrainingMode(OpImporter &n, bool &isTraining) {
  isTraining = false;
  if (n.opset < 7 && !n.intAttr("is_test", 0) && !n.failed())
    n.unsupported("training mode before opset 12", "export the model in evaluation mode");
  if (n.opset < 12 || !n.has(2) || n.failed())
    return nullptr;
  if (!n.elementType(2).isSignlessInteger(1) || n.rank(2) != 0) {
    n.invalid("expected training_mode to be a boolean of rank 0");
    return nullptr;
  }
  const KnownTensor *known = n.known(2);
  std::optional<SmallVector<int64_t>> values;
  if (known)
    values = known->getConstants();
  isTraining = !values || values->front() != 0;
  return values ? Value() : n.in(2);
}

/// In training, elements are 0 with probability `ratio` and scaled by
/// 1 / (1 - ratio) otherwise. Else Dropout does nothing, and its mask is all ones.
/// Until opset 9 the mask has the input's type.
static void importDropout(OpImporter &n) {
  bool isTraining;
  Value mode = getTrainingMode(n, isTraining);
  if (n.failed())
    return;
  Type maskType = n.opset < 10 ? n.elementType(0) : n.b.getI1Type();
  if (!isTraining) {
    n.forward(0);
    if (n.isUsed(1))
      n.set(1, n.broadcastTo(n.scalar(maskType, 1), n.dims(0)));
    return;
  }
  Value x = n.widen(n.in(0)), ratio;
  if (n.failed())
    return;
  Type work = getElementTypeOrSelf(x);
  ratio = n.has(1) ? n.convert(n.in(1), work) : n.scalar(work, 0.5);
  Value zero = n.scalar(work, 0), one = n.scalar(work, 1);
  if (mode)
    ratio = n.make<SelectOp>(mode, ratio, zero);
  // No uniform number is less than 0, so that a ratio of 0 keeps all.
  Value uniform = draw(n, RandomKind::Uniform, n.dims(0), work);
  Value kept = n.compare(ComparePredicate::GE, uniform, ratio);
  Value scaled = n.make<DivOp>(x, n.make<SubOp>(one, ratio));
  n.set(n.convert(n.make<SelectOp>(kept, scaled, zero), n.elementType(0)));
  if (n.isUsed(1))
    n.set(1, n.convert(kept, maskType));
}

ArrayRef<OpEntry> getRandomOps() {
  static const OpEntry ops[] = {
      {"Bernoulli", 15, kMaxOpset, 1, 1, importBernoulli},
      {"Dropout", 1, kMaxOpset, 1, 3, importDropout, 2},
      {"Multinomial", 7, kMaxOpset, 1, 1, importMultinomial},
      {"RandomNormal", 1, kMaxOpset, 0, 0, importRandom<RandomKind::Normal>},
      {"RandomNormalLike", 1, kMaxOpset, 1, 1, importRandomLike<RandomKind::Normal>},
      {"RandomUniform", 1, kMaxOpset, 0, 0, importRandom<RandomKind::Uniform>},
      {"RandomUniformLike", 1, kMaxOpset, 1, 1, importRandomLike<RandomKind::Uniform>},
  };
  return ops;
}

} // namespace winnow::import
