//===- MicrosoftAttention.cpp - Attention of ONNX Runtime's optimiser -----===//

#include "MicrosoftAttention.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// The keys that a mask of one dimension leaves: those before a length, or between
/// a start and an end, where all ends come before all starts.
static Value getSpans(OpImporter &n, Value mask, AffineExpr batch, AffineExpr keys) {
  AffineExpr size = n.dims(mask)[0];
  if (n.symbols.isEqual(size, batch) != true && n.symbols.isEqual(size, batch * 2) == true) {
    Value ends = n.sliceDim(mask, 0, n.constant(0), batch);
    Value starts = n.sliceDim(mask, 0, batch, batch);
    return n.make<AndOp>(isBefore(n, keys, ends), n.make<NotOp>(isBefore(n, keys, starts)));
  }
  if (n.symbols.isEqual(size, batch) != true && n.symbols.isEqual(size, batch * 3 + 2) == true) {
    n.unsupported("a mask of lengths and cumulated lengths");
    return nullptr;
  }
  n.unify(size, batch, "the number of key lengths and the batch size");
  return isBefore(n, keys, mask);
}

/// Which keys the mask leaves, as a condition that broadcasts to [batch, heads,
/// query, key]; null for all.
static Value getVisibleKeys(OpImporter &n, size_t input, AffineExpr past,
                            const DenseAttention &form) {
  n.checkIntegers(input);
  Value mask = n.in(input);
  if (n.failed())
    return nullptr;
  AffineExpr batch = n.dims(form.query)[0], queries = n.dims(form.query)[1];
  AffineExpr keys = n.dims(form.key)[1], one = n.constant(1);
  Dims dims = n.dims(mask);
  switch (dims.size()) {
  case 1:
    return getSpans(n, mask, batch, keys);
  case 2:
    // A column, which stands for no mask.
    if (isConstantDim(dims[1], 1) && n.symbols.isEqual(keys, one) != true)
      return nullptr;
    mask = n.reshape(mask, {dims[0], one, one, dims[1]});
    break;
  case 3:
    mask = n.reshape(mask, {dims[0], one, dims[1], dims[2]});
    break;
  case 4:
    // The mask of the longest sequence; its rows are positions.
    mask = n.sliceDim(n.sliceDim(mask, 2, past, queries), 3, n.constant(0), keys);
    break;
  default:
    n.invalid("expected a mask of rank 1 to 4, got rank " + Twine(dims.size()));
  }
  return n.compare(ComparePredicate::GT, mask, n.scalarLike(mask, 0));
}

void addPaddingMask(OpImporter &n, size_t mask, AffineExpr past, DenseAttention &form) {
  double filter = n.floatAttr("mask_filter_value", -10000);
  if (!n.has(mask) || n.failed())
    return;
  Value visible = getVisibleKeys(n, mask, past, form);
  if (!visible)
    return;
  Type element = getElementTypeOrSelf(form.query);
  Value added = n.make<SelectOp>(visible, n.scalar(element, 0), n.scalar(element, filter));
  form.bias = form.bias ? n.make<AddOp>(form.bias, added) : added;
}

void addCommonForm(OpImporter &n, size_t mask, std::optional<size_t> bias, AffineExpr past,
                   DenseAttention &form) {
  if (double scale = n.floatAttr("scale", 0); scale != 0)
    form.scale = scale;
  if (n.intAttr("unidirectional", 0) == 1)
    form.causalOffset = past;
  if (bias && n.has(*bias) && !n.failed()) {
    if (n.rank(*bias) != 4)
      return n.invalid("expected an attention bias of rank 4, got rank " + Twine(n.rank(*bias)));
    form.bias = n.in(*bias);
  }
  addPaddingMask(n, mask, past, form);
  // Keys are hidden by numbers: no row is without a key.
  form.zeroHiddenRows = false;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// The widths of queries, keys and values in the projection.
static SmallVector<AffineExpr> getHiddenSizes(OpImporter &n, AffineExpr total) {
  std::optional<SmallVector<int64_t>> sizes = n.intsAttr("qkv_hidden_sizes");
  if (!sizes || sizes->empty()) {
    AffineExpr third = n.divide(total, n.constant(3), "the width of the weights");
    return SmallVector<AffineExpr>(3, third);
  }
  if (sizes->size() != 3 || llvm::any_of(*sizes, [](int64_t size) { return size < 1; })) {
    n.invalid("expected three positive qkv_hidden_sizes, got " + Twine(sizes->size()));
    return SmallVector<AffineExpr>(3, n.constant(1));
  }
  SmallVector<AffineExpr> result;
  for (int64_t size : *sizes)
    result.push_back(n.constant(size));
  n.unify(normalizeDim(result[0] + result[1] + result[2]), total,
          "qkv_hidden_sizes and the width of the weights");
  return result;
}

void importPackedAttention(OpImporter &n, Value projected, size_t mask, std::optional<size_t> bias,
                           size_t past) {
  int64_t heads = n.requiredIntAttr("num_heads");
  if (n.intAttr("do_rotary", 0))
    return n.unsupported("rotary embeddings inside the operator (do_rotary)");
  if (n.intAttr("past_present_share_buffer", 0))
    return n.unsupported("a buffer that past and present share (past_present_share_buffer)");
  if (n.failed())
    return;
  SmallVector<AffineExpr> sizes = getHiddenSizes(n, n.dims(projected)[2]);
  DenseAttention form;
  Value *parts[] = {&form.query, &form.key, &form.value};
  AffineExpr start = n.constant(0);
  for (auto [part, size] : llvm::zip_equal(parts, sizes)) {
    *part = splitHeads(n, n.sliceDim(projected, 2, start, size), heads, "num_heads");
    start = start + size;
  }
  AffineExpr pastLength = n.constant(0);
  Value caches[2];
  if (n.has(past) && !n.failed()) {
    if (n.rank(past) != 5)
      return n.invalid("expected a cache of rank 5, got rank " + Twine(n.rank(past)));
    Dims dims = n.dims(past);
    n.unify(dims[0], n.constant(2), "dimension 0 of the cache and 2");
    pastLength = dims[3];
    for (int64_t i = 0; i < 2; ++i)
      caches[i] = n.reshape(n.sliceDim(n.in(past), 0, n.constant(i), n.constant(1)),
                            ArrayRef(dims).drop_front());
  }
  Value present[] = {appendToCache(n, caches[0], form.key),
                     appendToCache(n, caches[1], form.value)};
  form.key = swapHeads(n, present[0]);
  form.value = swapHeads(n, present[1]);
  if (n.failed())
    return;
  addCommonForm(n, mask, bias, pastLength, form);
  n.set(0, joinHeads(n, attend(n, form).output));
  if (!n.isUsed(1))
    return;
  for (Value &each : present) {
    Dims dims = n.dims(each);
    dims.insert(dims.begin(), n.constant(1));
    each = n.reshape(each, dims);
  }
  n.set(1, n.concat(present, 0));
}

static void importMicrosoftAttention(OpImporter &n) {
  if (n.has(6))
    return n.unsupported("a buffer that past and present share (past_sequence_length)");
  if (n.rank(0) != 3 || n.rank(1) != 2)
    return n.invalid("expected input of rank 3 and weights of rank 2, got ranks " +
                     Twine(n.rank(0)) + " and " + Twine(n.rank(1)));
  Dims weights = n.dims(1);
  n.unify(n.dims(0)[2], weights[0], "the hidden size of input and weights");
  if (n.has(2)) {
    if (n.rank(2) != 1)
      return n.invalid("expected a bias of rank 1, got rank " + Twine(n.rank(2)));
    n.unify(n.dims(2)[0], weights[1], "the widths of bias and weights");
  }
  Value projected = n.make<LinearOp>(n.in(0), n.in(1), n.in(2), Value(), Activation::None,
                                     /*transpose_weight=*/false);
  importPackedAttention(n, projected, 3, 5, 4);
}

//===----------------------------------------------------------------------===//
// MultiHeadAttention
//===----------------------------------------------------------------------===//

/// Part `i` of the inputs that are packed in dimension 3 of [batch, length, heads,
/// count, size].
static Value unpack(OpImporter &n, size_t input, int64_t i, int64_t count) {
  Dims dims = n.dims(input);
  n.unify(dims[3], n.constant(count), "dimension 3 of the packed input and " + Twine(count));
  Value part = n.sliceDim(n.in(input), 3, n.constant(i), n.constant(1));
  return n.reshape(part, {dims[0], dims[1], dims[2], dims[4]});
}

/// Adds the part of the bias that starts at `start` to one of the inputs, which is
/// [batch, length, hidden] or [batch, length, heads, size].
static Value addBias(OpImporter &n, Value x, AffineExpr &start) {
  Dims dims = n.dims(x);
  if (n.failed() || !n.has(3))
    return x;
  ArrayRef<AffineExpr> own = ArrayRef(dims).drop_front(2);
  AffineExpr size = normalizeDim(getNumElements(own, n.b.getContext()));
  Value part = n.reshape(n.sliceDim(n.in(3), 0, start, size), own);
  start = normalizeDim(start + size);
  return n.make<AddOp>(x, part);
}

static void importMultiHeadAttention(OpImporter &n) {
  int64_t heads = n.requiredIntAttr("num_heads");
  if (n.has(8))
    return n.unsupported("a buffer that past and present share (past_sequence_length)");
  if (n.has(9))
    return n.unsupported("beams that share a cache (cache_indirection)");
  if (n.has(6) != n.has(7))
    return n.invalid("expected past_key and past_value together, got one");
  if (n.has(3) && n.rank(3) != 1)
    return n.invalid("expected a bias of rank 1, got rank " + Twine(n.rank(3)));
  if (n.failed())
    return;
  // How queries, keys and values come; heads are split after the bias.
  DenseAttention form;
  int64_t queryRank = n.rank(0), keyRank = n.has(1) ? n.rank(1) : 0;
  bool isPacked = queryRank == 5 && !n.has(1), isKeyPacked = keyRank == 5;
  bool isCached = keyRank == 4;
  bool needsValue = !isPacked && !isKeyPacked;
  if ((!isPacked && (queryRank != 3 || keyRank < 3 || keyRank > 5)) || needsValue != n.has(2) ||
      (needsValue && n.rank(2) != keyRank))
    return n.invalid("expected query [batch, length, hidden] with key and value of rank 3 or 4, "
                     "or packed ones of rank 5, got query of rank " +
                     Twine(queryRank) + ", key of rank " + Twine(keyRank) + " and value of rank " +
                     Twine(n.has(2) ? n.rank(2) : 0));
  AffineExpr start = n.constant(0);
  form.query = addBias(n, isPacked ? unpack(n, 0, 0, 3) : n.in(0), start);
  form.key = isPacked ? unpack(n, 0, 1, 3) : isKeyPacked ? unpack(n, 1, 0, 2) : n.in(1);
  form.value = isPacked ? unpack(n, 0, 2, 3) : isKeyPacked ? unpack(n, 1, 1, 2) : n.in(2);
  if (isCached) {
    // These have their bias since they were computed.
    form.key = swapHeads(n, form.key);
    form.value = swapHeads(n, form.value);
  } else {
    form.key = addBias(n, form.key, start);
    form.value = addBias(n, form.value, start);
    if (!n.failed() && n.has(3))
      n.unify(start, n.dims(3)[0], "the widths of bias and inputs");
  }
  for (Value *x : {&form.query, &form.key, &form.value}) {
    if (n.failed())
      return;
    if (n.dims(*x).size() == 3)
      *x = splitHeads(n, *x, heads, "num_heads");
    else
      n.unify(n.dims(*x)[2], n.constant(heads), "the heads of the inputs and num_heads");
  }
  AffineExpr past = n.constant(0);
  if (n.has(6) && !n.failed()) {
    if (n.rank(6) != 4 || n.rank(7) != 4)
      return n.invalid("expected caches of rank 4, got ranks " + Twine(n.rank(6)) + " and " +
                       Twine(n.rank(7)));
    past = n.dims(6)[2];
    n.unify(past, n.dims(7)[2], "the lengths of past_key and past_value");
    n.unify(n.dims(form.key)[1], n.dims(form.value)[1], "the lengths of key and value");
  }
  Value presentKey = appendToCache(n, n.in(6), form.key);
  Value presentValue = appendToCache(n, n.in(7), form.value);
  form.key = swapHeads(n, presentKey);
  form.value = swapHeads(n, presentValue);
  if (n.failed())
    return;
  addCommonForm(n, 4, 5, past, form);
  if (n.isUsed(3))
    form.wanted = ScoreStage::Masked;
  AttentionResult result = attend(n, form);
  n.set(0, joinHeads(n, result.output));
  n.set(1, presentKey);
  n.set(2, presentValue);
  n.set(3, result.scores);
}

ArrayRef<OpEntry> getMicrosoftAttentionOps() {
  static const OpEntry ops[] = {
      {"Attention", 1, 1, 2, 7, importMicrosoftAttention, 2},
      {"MultiHeadAttention", 1, 1, 1, 10, importMultiHeadAttention, 4},
  };
  return ops;
}

} // namespace winnow::import
