#include "DenseAttention.h"
#include "Numbers.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

Value splitHeads(OpImporter &n, Value packed, int64_t heads, StringRef what) {
  Dims dims = n.dims(packed);
  if (n.failed())
    return nullptr;
  if (dims.size() != 3) {
    n.invalid("expected a tensor of rank 3, [batch, length, hidden], got rank " +
              Twine(dims.size()));
    return nullptr;
  }
  if (heads < 1) {
    n.invalid("expected " + what + " of 1 or more, got " + Twine(heads));
    return nullptr;
  }
  AffineExpr size = n.divide(dims[2], n.constant(heads), "the last dimension, which " + what + " divides,");
  return n.reshape(packed, {dims[0], dims[1], n.constant(heads), size});
}

Value joinHeads(OpImporter &n, Value apart) {
  if (n.failed() || !apart)
    return nullptr;
  Dims dims = n.dims(apart);
  return n.reshape(apart, {dims[0], dims[1], dims[2] * dims[3]});
}

Value swapHeads(OpImporter &n, Value x) {
  constexpr int64_t permutation[] = {0, 2, 1, 3};
  if (n.failed() || !x)
    return nullptr;
  auto before = x.getDefiningOp<TransposeOp>();
  if (before && before.getPermutation() == ArrayRef(permutation))
    return before.getInput();
  return n.transpose(x, permutation);
}

Value appendToCache(OpImporter &n, Value cache, Value rows) {
  Value fresh = swapHeads(n, rows);
  if (n.failed() || !cache)
    return fresh;
  if (n.dims(cache).size() != 4) {
    n.invalid("expected a cache of rank 4, got rank " + Twine(n.dims(cache).size()));
    return nullptr;
  }
  return n.concat({cache, fresh}, 2);
}

Value positions(OpImporter &n, AffineExpr size, int64_t axis) {
  Dims dims(4, n.constant(1));
  dims[axis] = size;
  return n.reshape(n.iota(size, n.b.getI64Type()), dims);
}

Value isBefore(OpImporter &n, AffineExpr size, Value lengths) {
  if (n.failed())
    return nullptr;
  AffineExpr one = n.constant(1);
  Value ends = n.reshape(n.convert(lengths, n.b.getI64Type()), {n.dims(lengths)[0], one, one, one});
  return n.compare(ComparePredicate::LT, positions(n, size, 3), ends);
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

static Value allOf(OpImporter &n, ArrayRef<Value> conditions) {
  Value all;
  for (Value condition : conditions)
    all = all ? n.make<AndOp>(all, condition) : condition;
  return all;
}

static Value hide(OpImporter &n, Value visible, Value x) {
  return visible ? n.make<SelectOp>(visible, x, n.scalarLike(x, -INFINITY)) : x;
}

/// Whether keys are visible by their position: [1, 1, query, key].
static Value getCausalMask(OpImporter &n, AffineExpr queries, AffineExpr keys, AffineExpr offset) {
  Value last = positions(n, queries, 2);
  last =
      n.make<AddOp>(last, n.makeKnown(KnownTensor{n.b.getI64Type(), {}, {normalizeDim(offset)}}));
  return n.compare(ComparePredicate::LE, positions(n, keys, 3), last);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// The scale, as a constant or, for a head size that is known at run time, as data.
static Value getScale(OpImporter &n, const DenseAttention &form, Type element) {
  AffineExpr size = n.dims(form.query)[3];
  std::optional<int64_t> headSize = getConstantDim(size);
  if (form.scale || headSize)
    return n.scalar(element, form.scale ? *form.scale : 1 / std::sqrt(double(*headSize)));
  return n.make<ReciprocalOp>(n.make<SqrtOp>(n.convert(Numbers(n).size(size), element)));
}

/// What winnow.attention has no form for.
static AttentionResult compose(OpImporter &n, const DenseAttention &form) {
  AttentionResult result;
  if (n.failed())
    return result;
  Type element = getElementTypeOrSelf(form.query);
  Dims q = n.dims(form.query), k = n.dims(form.key), v = n.dims(form.value);
  AffineExpr heads = q[2], kvHeads = k[2], group = n.constant(1);
  if (heads != kvHeads)
    group = n.divide(heads, kvHeads, "the query heads");
  // The query heads of one group are rows of one matrix.
  AffineExpr rows = normalizeDim(group * q[1]);
  Value query = n.make<MulOp>(swapHeads(n, form.query), getScale(n, form, element));
  query = n.reshape(query, {q[0], kvHeads, rows, q[3]});
  Value scores = n.make<MatMulOp>(query, n.transpose(form.key, {0, 2, 3, 1}));
  Dims full = {q[0], heads, q[1], k[1]};
  scores = n.reshape(scores, full);
  auto offer = [&](ScoreStage stage, Value value) {
    if (form.wanted == stage)
      result.scores = value;
  };
  offer(ScoreStage::Product, scores);
  if (form.softcap != 0) {
    Value cap = n.scalar(element, form.softcap);
    scores = n.make<MulOp>(n.make<TanhOp>(n.make<DivOp>(scores, cap)), cap);
  }
  offer(ScoreStage::Capped, scores);
  if (form.bias)
    scores = n.make<AddOp>(scores, form.bias);
  SmallVector<Value> conditions(form.visible);
  if (form.causalOffset)
    conditions.push_back(getCausalMask(n, q[1], k[1], form.causalOffset));
  scores = hide(n, allOf(n, conditions), scores);
  offer(ScoreStage::Masked, scores);
  if (form.softmaxType)
    scores = n.convert(scores, form.softmaxType);
  if (form.modifyScores && !n.failed())
    scores = form.modifyScores(scores);
  if (!scores)
    return result;
  Value weights = scores;
  if (form.sink) {
    Dims column = full, perHead(4, n.constant(1));
    column[3] = n.constant(1);
    perHead[1] = normalizeDim(getNumElements(n.dims(form.sink), n.b.getContext()));
    Value sink = n.reshape(n.convert(form.sink, getElementTypeOrSelf(scores)), perHead);
    weights = n.concat({scores, n.broadcastTo(sink, column)}, 3);
  }
  weights = n.make<SoftmaxOp>(weights, 3);
  if (form.sink)
    weights = n.sliceDim(weights, 3, n.constant(0), k[1]);
  else if (form.zeroHiddenRows && (form.bias || !conditions.empty()))
    weights = n.make<SelectOp>(n.make<IsNaNOp>(weights), n.scalarLike(weights, 0), weights);
  offer(ScoreStage::Weights, weights);
  if (form.modifyWeights && !n.failed())
    weights = form.modifyWeights(weights);
  if (!weights)
    return result;
  weights = n.reshape(n.convert(weights, element), {q[0], kvHeads, rows, k[1]});
  Value output = n.make<MatMulOp>(weights, swapHeads(n, form.value));
  result.output = swapHeads(n, n.reshape(output, {q[0], heads, q[1], v[3]}));
  return result;
}

/// What winnow.attention has a form for.
static Value fuse(OpImporter &n, const DenseAttention &form) {
  Dims q = n.dims(form.query), k = n.dims(form.key);
  SmallVector<Value> conditions(form.visible);
  bool isCausal = bool(form.causalOffset), isAtEnd = false;
  if (isCausal && !isConstantDim(form.causalOffset, 0)) {
    isAtEnd = n.symbols.isEqual(form.causalOffset, k[1] - q[1]).value_or(false);
    if (!isAtEnd) {
      isCausal = false;
      conditions.push_back(getCausalMask(n, q[1], k[1], form.causalOffset));
    }
  }
  Value mask = allOf(n, conditions);
  if (form.bias)
    mask = hide(n, mask, form.bias);
  std::optional<int64_t> size = getConstantDim(q[3]);
  double scale = form.scale.value_or(1 / std::sqrt(double(*size)));
  // Only a mask can hide all keys from a query.
  bool canHide = mask && form.zeroHiddenRows;
  FloatAttr softcap = form.softcap != 0 ? n.b.getF32FloatAttr(form.softcap) : FloatAttr();
  return n.make<AttentionOp>(form.query, form.key, form.value, mask, /*query_positions=*/Value(), /*key_positions=*/Value(),
                                     /*query_offsets=*/Value(),
                             /*key_offsets=*/Value(), /*key_lengths=*/Value(), llvm::APFloat(float(scale)),
                             isCausal, canHide, isAtEnd, /*causal_lowest=*/false,
                             /*causal_adds_lowest=*/false, softcap);
}

/// The op computes in f32.
static bool hasFusedForm(OpImporter &n, const DenseAttention &form, Type element) {
  Dims q = n.dims(form.query), k = n.dims(form.key), v = n.dims(form.value);
  bool isStatic =
      getConstantDim(q[2]) && getConstantDim(k[2]) && getConstantDim(q[3]) && getConstantDim(v[3]);
  bool isDouble = element.isF64() || (form.softmaxType && form.softmaxType.isF64());
  bool isCap = std::isfinite(form.softcap) && form.softcap >= 0;
  return isStatic && !isDouble && isCap && !form.sink && !form.modifyScores &&
         !form.modifyWeights && form.wanted == ScoreStage::None;
}

AttentionResult attend(OpImporter &n, DenseAttention form) {
  if (n.failed())
    return {};
  Dims q = n.dims(form.query), k = n.dims(form.key), v = n.dims(form.value);
  n.unify(q[0], k[0], "batch sizes of query and key");
  n.unify(k[0], v[0], "batch sizes of key and value");
  n.unify(k[1], v[1], "key and value lengths");
  n.unify(k[2], v[2], "key and value heads");
  n.unify(q[3], k[3], "query and key head sizes");
  std::optional<int64_t> heads = getConstantDim(q[2]), kvHeads = getConstantDim(k[2]);
  if (!n.failed() && heads && kvHeads && (*kvHeads == 0 || *heads % *kvHeads != 0))
    n.invalid("expected key heads to divide query heads, got " + Twine(*kvHeads) + " and " +
              Twine(*heads));
  auto fit = [&](Value &operand) {
    Dims scores = {q[0], q[2], q[1], k[1]};
    if (!n.failed() && n.broadcast({n.dims(operand), scores}).size() == scores.size())
      operand = n.adopt(operand, scores);
  };
  for (Value &mask : form.visible)
    fit(mask);
  if (form.bias)
    fit(form.bias);
  if (!n.failed() && form.sink) {
    AffineExpr count = normalizeDim(getNumElements(n.dims(form.sink), n.b.getContext()));
    if (!isConstantDim(count, 1))
      n.unify(count, q[2], "the sinks and the heads");
  }
  if (n.failed())
    return {};
  // Scores and sums of narrow floats are kept in f32, of mixed ones in the widest.
  Type own = getElementTypeOrSelf(form.query), common = own;
  for (Value x : {form.key, form.value})
    if (Type type = getElementTypeOrSelf(x); type != common)
      common = type.isF64() || common.isF64() ? n.b.getF64Type() : Type(n.b.getF32Type());
  bool isFused = hasFusedForm(n, form, common);
  if (!isFused && common.getIntOrFloatBitWidth() < 32)
    common = n.b.getF32Type();
  for (Value *x : {&form.query, &form.key, &form.value, &form.bias})
    if (*x)
      *x = n.convert(*x, common);
  if (n.failed())
    return {};
  AttentionResult result;
  if (isFused)
    result.output = fuse(n, form);
  else
    result = compose(n, form);
  if (n.failed() || !result.output)
    return {};
  result.output = n.convert(result.output, own);
  if (result.scores)
    result.scores = n.convert(result.scores, own);
  return result;
}

} // namespace winnow::import
