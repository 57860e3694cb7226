#include "AttentionMask.h"
#include "AttentionScores.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISEATTENTION
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {

/// One raising attempt; every step returns its refusal.
struct Raiser {
  explicit Raiser(SoftmaxOp softmax) : softmax(softmax) {}
  SoftmaxOp softmax;
  Scores scores;
  MatMulOp output;
  bool nanToZero = false;
  /// The probabilities of keys that this hides are replaced by 0.
  std::optional<MaskTerm> zeroed;
  SmallVector<Factor> valueFactors;
  unsigned numSymbols = 0;
  Dims shape; // batch, heads, query length, key length

  std::optional<Refusal> matchOutput();
  std::optional<Refusal> matchZeroed();
  std::optional<Refusal> matchShapes();
  std::optional<Refusal> build();

  Value toHeads(OpBuilder &builder, Value value, AffineExpr heads, ArrayRef<int64_t> permutation);
};

//===----------------------------------------------------------------------===//
// From the softmax down
//===----------------------------------------------------------------------===//

/// The select of `where(isnan(p), 0, p)`, if p has no other use.
SelectOp getNaNGuard(Value probabilities) {
  SelectOp guard;
  for (Operation *user : probabilities.getUsers()) {
    if (auto select = dyn_cast<SelectOp>(user); select && (!guard || guard == select))
      guard = select;
    else if (!isa<IsNaNOp>(user) || !user->hasOneUse())
      return nullptr;
  }
  auto isNaN = guard ? guard.getCondition().getDefiningOp<IsNaNOp>() : nullptr;
  if (!isNaN || isNaN.getInput() != probabilities || guard.getOnFalse() != probabilities ||
      !isScalarConstant(guard.getOnTrue(), 0) || guard.getType() != probabilities.getType())
    return nullptr;
  return guard;
}

std::optional<Refusal> Raiser::matchOutput() {
  Value probabilities = softmax.getResult();
  if (SelectOp guard = getNaNGuard(probabilities)) {
    nanToZero = true;
    probabilities = guard.getResult();
  }
  while (!output) {
    Operation *user = probabilities.hasOneUse() ? *probabilities.getUsers().begin() : nullptr;
    auto matmul = dyn_cast_or_null<MatMulOp>(user);
    if (matmul && matmul.getLhs() == probabilities) {
      output = matmul;
      break;
    }
    Type type = probabilities.getType();
    auto reshape = dyn_cast_or_null<ReshapeOp>(user);
    auto select = dyn_cast_or_null<SelectOp>(user);
    auto mul = dyn_cast_or_null<MulOp>(user);
    bool isKept = select && select.getType() == type;
    if (mul && mul.getType() == type && mul.getLhs() != mul.getRhs()) {
      Value other = mul.getLhs() == probabilities ? mul.getRhs() : mul.getLhs();
      if (!isSharedByQueries(other))
        return Refusal{"attention.probabilities-used",
                       "the probabilities are multiplied by something that varies over queries"};
      valueFactors.push_back({other, getDims(type)});
    } else if (isKept && !zeroed && isScalarConstant(select.getOnFalse(), 0)) {
      zeroed = MaskTerm{MaskTerm::VisibleWhere, select.getCondition(), getDims(type)};
    } else if (isKept && !zeroed && isScalarConstant(select.getOnTrue(), 0)) {
      zeroed = MaskTerm{MaskTerm::HiddenWhere, select.getCondition(), getDims(type)};
    } else if (!reshape || !keepsMatrices(reshape)) {
      return Refusal{"attention.probabilities-used",
                     "the probabilities have a use other than the product with the values"};
    }
    probabilities = user->getResult(0);
  }
  int64_t rank = getTensorType(softmax).getRank();
  if (static_cast<int64_t>(softmax.getAxis()) != rank - 1)
    return Refusal{"attention.softmax-axis",
                   ("expected softmax over axis " + Twine(rank - 1) + ", got " +
                    Twine(softmax.getAxis()))
                       .str()};
  return std::nullopt;
}

/// Probabilities are zeroed where the scores were filled: then the fill is as
/// good as minus infinity, and rows without any key are zeros.
std::optional<Refusal> Raiser::matchZeroed() {
  if (!zeroed)
    return std::nullopt;
  if (scores.masks.empty() || scores.masks.front().kind != zeroed->kind ||
      scores.masks.front().value != zeroed->value)
    return Refusal{"attention.probabilities-masked",
                   "other probabilities are replaced by 0 than those of hidden scores"};
  scores.masks.front().fill = -std::numeric_limits<double>::infinity();
  nanToZero = true;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// What a joint dimension N is the product of: batch and heads, as the
/// reshapes above the operand say.
std::optional<std::pair<AffineExpr, AffineExpr>>
getBatchAndHeads(Value operand, AffineExpr joint, int64_t headSize, unsigned numSymbols) {
  MLIRContext *context = operand.getContext();
  Value value = operand;
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<ReshapeOp, TransposeOp, SliceOp, MulOp, DivOp>(op))
      break;
    value = isa<MulOp, DivOp>(op) && getScalarConstant(op->getOperand(0)) ? op->getOperand(1)
                                                                          : op->getOperand(0);
    if (!isa<ReshapeOp>(op))
      continue;
    Dims dims = getDims(value), heads;
    for (AffineExpr dim : dims)
      if (getConstantDim(dim))
        heads.push_back(dim);
    if (std::optional<int64_t> width = dims.empty() ? std::nullopt : getConstantDim(dims.back()))
      if (*width % headSize == 0)
        heads.push_back(getAffineConstantExpr(*width / headSize, context));
    dims.push_back(getAffineConstantExpr(1, context));
    // The width comes last but is the likelier source of the heads.
    for (AffineExpr head : llvm::reverse(heads))
      for (AffineExpr batch : dims)
        if (!isConstantDim(head, 1) && isSameProduct({batch, head}, {joint}, numSymbols))
          return std::pair(batch, head);
  }
  return std::nullopt;
}

/// Dimensions before the last three as one, such as batch and windows.
void joinBatch(Dims &dims) {
  ArrayRef<AffineExpr> batch = ArrayRef(dims).drop_back(3);
  AffineExpr joint = getNumElements(batch, dims.front().getContext());
  dims.erase(dims.begin(), dims.end() - 3);
  dims.insert(dims.begin(), joint);
}

std::optional<Refusal> Raiser::matchShapes() {
  if (Type type = getElementTypeOrSelf(softmax.getType()); type.isF64())
    return Refusal{"attention.type", "the kernel computes in f32, less than the model's f64"};
  Dims query = getDims(scores.matmul.getLhs()), key = getDims(scores.matmul.getRhs());
  Dims value = getDims(output.getRhs());
  numSymbols = getNumSymbols({scores.matmul.getLhs().getType(), scores.matmul.getRhs().getType(),
                              output.getRhs().getType(), softmax.getType()});
  auto getBatch = [](ArrayRef<AffineExpr> dims) {
    return dims.drop_back(std::min<size_t>(3, dims.size()));
  };
  if (query.size() > 4 && getBatch(query) == getBatch(key) && getBatch(query) == getBatch(value)) {
    for (Dims *dims : {&query, &key, &value})
      joinBatch(*dims);
  }
  auto hasRank = [](ArrayRef<AffineExpr> dims) { return dims.size() == 3 || dims.size() == 4; };
  if (query.size() != key.size() || !hasRank(query) || !hasRank(value))
    return Refusal{"attention.rank", "expected query, key and value of rank 3 or 4, got ranks " +
                                         std::to_string(query.size()) + ", " +
                                         std::to_string(key.size()) + " and " +
                                         std::to_string(value.size())};
  std::optional<int64_t> headSize = getConstantDim(query.back());
  if (!headSize || !getConstantDim(value.back()))
    return Refusal{"attention.head-size", "expected static head sizes, got " +
                                              toString(query.back()) + " and " +
                                              toString(value.back())};
  if (query.size() != value.size()) {
    // The others' batch and heads are one dimension.
    ArrayRef<AffineExpr> split = ArrayRef(query.size() == 4 ? query : value).take_front(2);
    for (Dims *dims : {&query, &key, &value})
      if (dims->size() == 3 && isSameProduct(split, {dims->front()}, numSymbols)) {
        dims->front() = split[1];
        dims->insert(dims->begin(), split[0]);
      }
  }
  if (!isSameDim(query[0], key[0], numSymbols) || !isSameDim(key[0], value[0], numSymbols) ||
      query.size() != value.size())
    return Refusal{"attention.batch", "expected batch sizes to match, got " + toString(query[0]) +
                                          ", " + toString(key[0]) + " and " + toString(value[0])};
  if (query.size() == 3) {
    AffineExpr one = getAffineConstantExpr(1, softmax.getContext());
    std::pair<AffineExpr, AffineExpr> split(query[0], one);
    for (Value operand : {scores.matmul.getLhs(), scores.matmul.getRhs(), output.getRhs()})
      if (auto found = getBatchAndHeads(operand, query[0], *headSize, numSymbols)) {
        split = *found;
        break;
      }
    shape = {split.first, split.second, query[1], key[2]};
    return std::nullopt;
  }
  std::optional<int64_t> heads = getConstantDim(query[1]), kvHeads = getConstantDim(key[1]);
  if (!heads || !kvHeads || !isSameDim(key[1], value[1], numSymbols) || *kvHeads == 0 ||
      *heads % *kvHeads != 0)
    return Refusal{"attention.heads", "expected static heads that the key's divide, got " +
                                          toString(query[1]) + ", " + toString(key[1]) + " and " +
                                          toString(value[1])};
  shape = {query[0], query[1], query[2], key[3]};
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// `value` in [batch, length, heads, size]. `permutation` is from rank 4.
Value Raiser::toHeads(OpBuilder &builder, Value value, AffineExpr heads,
                      ArrayRef<int64_t> permutation) {
  Location loc = value.getLoc();
  Dims dims = getDims(value);
  if (dims.size() != 4) {
    dims.erase(dims.begin(), dims.end() - 2);
    dims.insert(dims.begin(), {shape[0], heads});
    value = reshapeTo(builder, loc, value, dims, numSymbols);
  }
  return createTranspose(builder, loc, value, permutation);
}

std::optional<Refusal> Raiser::build() {
  OpBuilder builder(output);
  Location loc = softmax.getLoc();
  Type elementType = getElementTypeOrSelf(softmax.getType());
  ScoreShape scoreShape{shape, numSymbols};
  Value mask;
  if (!scores.masks.empty()) {
    mask = combineMasks(builder, loc, scores.masks, scoreShape, elementType);
    if (!mask)
      return Refusal{"attention.mask-shape",
                     "a mask does not broadcast to " + toString(shape) +
                         ", or is added to scores that were filled"};
  }
  FloatAttr softcap = scores.softcap ? builder.getF32FloatAttr(*scores.softcap) : FloatAttr();
  double scale = scores.scale;
  Value query = stripScale(scores.matmul.getLhs(), scale);
  Value key = stripScale(scores.matmul.getRhs(), scale);
  Dims keyDims = getDims(key);
  AffineExpr kvHeads = keyDims.size() == 3 ? shape[1] : keyDims[keyDims.size() - 3];
  query = toHeads(builder, query, shape[1], {0, 2, 1, 3});
  key = toHeads(builder, key, kvHeads, {0, 3, 1, 2});
  Value value = toHeads(builder, output.getRhs(), kvHeads, {0, 2, 1, 3});
  for (auto [factors, operand] : {std::pair(&scores.keyFactors, &key), std::pair(&valueFactors, &value)})
    for (const Factor &factor : *factors) {
      Value rank4 = getRank4(builder, loc, factor.value, factor.level, scoreShape);
      if (!rank4 || !isConstantDim(getDims(rank4)[2], 1) ||
          (!isConstantDim(getDims(rank4)[1], 1) && kvHeads != shape[1]) ||
          (!isConstantDim(getDims(rank4)[0], 1) && getDims(rank4)[0] != shape[0]))
        return Refusal{"attention.mask-shape",
                       "a factor of the scores does not broadcast to " + toString(shape)};
      rank4 = createTranspose(builder, loc, rank4, {0, 3, 1, 2});
      *operand = MulOp::create(builder, loc, operand->getType(), *operand, rank4);
    }
  auto type = getTensorType({shape[0], shape[2], shape[1], getDims(value)[3]}, elementType,
                            numSymbols);
  Value result = AttentionOp::create(builder, loc, type, query, key, value, mask,
                                     /*query_positions=*/Value(), /*key_positions=*/Value(),
                                     /*query_offsets=*/Value(), /*key_offsets=*/Value(),
                                     /*key_lengths=*/Value(), builder.getF32FloatAttr(scale), /*causal=*/UnitAttr(),
                                     nanToZero ? builder.getUnitAttr() : UnitAttr(),
                                     /*causal_at_end=*/UnitAttr(), /*causal_lowest=*/UnitAttr(),
                                     /*causal_adds_lowest=*/UnitAttr(), softcap);
  result = createTranspose(builder, loc, result, {0, 2, 1, 3});
  result = reshapeTo(builder, loc, result, cast<RankedTensorType>(output.getType()));
  output.getResult().replaceAllUsesWith(result);
  return std::nullopt;
}

/// Whether probabilities are multiplied with something, a few ops further on.
bool leadsToProduct(Operation *op, unsigned depth = 0) {
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    if (auto matmul = dyn_cast<MatMulOp>(user))
      return matmul.getLhs() == op->getResult(0);
    return depth < 3 && isa<SelectOp, ReshapeOp, CastOp, MulOp>(user) &&
           leadsToProduct(user, depth + 1);
  });
}

/// Values that channels come first in, as after convolutions, multiply the
/// probabilities from the left: `v p^T` is `(p v^T)^T`.
void turnProduct(SoftmaxOp softmax) {
  if (!softmax->hasOneUse())
    return;
  auto transpose = dyn_cast<TransposeOp>(*softmax->user_begin());
  if (!transpose || !transpose->hasOneUse())
    return;
  auto product = dyn_cast<MatMulOp>(*transpose->user_begin());
  auto swapped = llvm::to_vector(llvm::seq<int64_t>(0, getTensorType(softmax).getRank()));
  std::swap(swapped[swapped.size() - 2], swapped.back());
  if (!product || product.getRhs() != transpose || transpose.getPermutation() != ArrayRef(swapped) ||
      getDims(product.getLhs()).size() != swapped.size())
    return;
  OpBuilder builder(product);
  Location loc = product.getLoc();
  Value values = createTranspose(builder, loc, product.getLhs(), swapped);
  Dims dims = getDims(product);
  std::swap(dims[dims.size() - 2], dims.back());
  auto type = getTensorType(dims, getElementTypeOrSelf(product), getNumSymbols(product.getType()));
  Value turned = MatMulOp::create(builder, loc, type, softmax, values);
  product.replaceAllUsesWith(createTranspose(builder, loc, turned, swapped));
  product.erase();
  transpose.erase();
}

struct RaiseAttention : winnow::impl::RaiseAttentionBase<RaiseAttention> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-attention");
    SmallVector<SoftmaxOp> all;
    getOperation().walk([&](SoftmaxOp op) { all.push_back(op); });
    for (SoftmaxOp softmax : all) {
      turnProduct(softmax);
      // A softmax that multiplies nothing is a classifier's, and no near miss.
      if (!leadsToProduct(softmax))
        continue;
      Raiser raiser(softmax);
      std::optional<Refusal> refusal = raiser.matchOutput();
      if (!refusal)
        refusal = matchScores(softmax, raiser.scores);
      if (!refusal)
        refusal = raiser.matchZeroed();
      if (!refusal)
        refusal = raiser.matchShapes();
      if (!refusal)
        refusal = raiser.build();
      if (refusal)
        reporter.refused(softmax.getLoc(), refusal->code, refusal->sentence);
      else
        reporter.applied(softmax.getLoc(), "attention.raised",
                         "raised to attention with shape " + toString(raiser.shape));
    }
    eraseDeadOps(getOperation());
  }
};
} // namespace
