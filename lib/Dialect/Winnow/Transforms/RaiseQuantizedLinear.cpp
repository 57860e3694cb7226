//===- RaiseQuantizedLinear.cpp - Products of integers in models ----------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/Integers.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISEQUANTIZEDLINEAR
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// Integers that weights are stored as.
static bool isNarrow(Type type) {
  auto integer = dyn_cast<IntegerType>(getElementTypeOrSelf(type));
  return integer && !integer.isSigned() && (integer.getWidth() == 4 || integer.getWidth() == 8);
}

static bool isSingle(Value value) {
  return llvm::all_of(getDims(value), [](AffineExpr dim) { return getConstantDim(dim) == 1; });
}

/// The number that all elements of a constant are.
static std::optional<int64_t> getUniformInteger(Value value) {
  if (std::optional<double> scalar = getScalarConstant(value))
    return static_cast<int64_t>(*scalar);
  std::optional<SmallVector<int64_t>> numbers = getIntegers(getConstantElements(value));
  if (!numbers || numbers->empty() || !llvm::all_equal(*numbers))
    return std::nullopt;
  return numbers->front();
}

namespace {
/// The numbers scale (bytes - zero), where the last two may be null.
struct Numbers {
  Value bytes;
  Value zero;  ///< [], of the bytes' type, or one for each column of a matrix or each block
  Value scale; ///< of the bytes' rank and 1 in all dimensions but one, or []; or one for each block
  /// Blocks along a dimension of a matrix, of `block` elements each; 0 if there are none.
  int64_t block = 0, axis = 0;
};

/// A parameter of blocks that was repeated for each element: DequantizeLinear's with a block_size.
struct BlockParameter {
  Value value; ///< a matrix, with a row or column for each block
  int64_t block, axis;
};

/// Looks only; `getMatrix` builds.
std::optional<BlockParameter> matchBlocks(Value value) {
  if (auto slice = value.getDefiningOp<SliceOp>()) {
    bool isPrefix = llvm::all_of(slice.getStarts().getResults(),
                                 [](AffineExpr start) { return getConstantDim(start) == 0; }) &&
                    llvm::all_of(slice.getSteps(), [](int64_t step) { return step == 1; });
    if (!isPrefix)
      return std::nullopt;
    value = slice.getInput();
  }
  auto reshape = value.getDefiningOp<ReshapeOp>();
  auto repeat = reshape ? reshape.getInput().getDefiningOp<BroadcastToOp>() : nullptr;
  if (!repeat)
    return std::nullopt;
  Dims from = getDims(repeat.getInput()), to = getDims(repeat.getType());
  Dims flat = getDims(reshape.getType());
  if (from.size() != 3 || to.size() != 3 || flat.size() != 2)
    return std::nullopt;
  for (int64_t axis : {0, 1}) {
    std::optional<int64_t> block = getConstantDim(to[axis + 1]);
    if (!block || getConstantDim(from[axis + 1]) != 1 || from[axis] != to[axis] ||
        flat[1 - axis] != to[axis == 0 ? 2 : 0] || from[axis == 0 ? 2 : 0] != flat[1 - axis])
      continue;
    return BlockParameter{repeat.getInput(), *block, axis};
  }
  return std::nullopt;
}

Value getMatrix(OpBuilder &b, Location loc, const BlockParameter &parameter) {
  Dims dims = getDims(parameter.value);
  dims.erase(dims.begin() + parameter.axis + 1);
  return reshapeTo(b, loc, parameter.value, dims, getNumSymbols(parameter.value.getType()));
}

struct Matcher {
  OpBuilder &b;

  /// Whether a value, i32 or f32, is made from bytes so.
  std::optional<Numbers> match(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto cast = dyn_cast_or_null<CastOp>(op)) {
      if (isNarrow(cast.getInput().getType()))
        return Numbers{cast.getInput(), {}, {}};
      return getElementTypeOrSelf(cast.getInput()).isSignlessInteger(32) ? match(cast.getInput())
                                                                         : std::nullopt;
    }
    if (auto sub = dyn_cast_or_null<SubOp>(op))
      return takeZero(sub);
    if (auto mul = dyn_cast_or_null<MulOp>(op))
      return takeScale(mul);
    if (isa_and_nonnull<ReshapeOp, TransposeOp>(op))
      return move(op);
    return std::nullopt;
  }

private:
  std::optional<Numbers> takeZero(SubOp sub) {
    std::optional<Numbers> numbers = match(sub.getLhs());
    if (!numbers || numbers->zero || numbers->scale || sub.getType() != sub.getLhs().getType())
      return std::nullopt;
    Type element = getElementTypeOrSelf(numbers->bytes);
    Value zero = sub.getRhs();
    if (auto cast = zero.getDefiningOp<CastOp>())
      if (getElementTypeOrSelf(cast.getInput()) == element)
        zero = cast.getInput();
    auto scalar = RankedTensorType::get({}, element);
    if (std::optional<BlockParameter> blocks = matchBlocks(zero);
        blocks && getElementTypeOrSelf(zero) == element) {
      numbers->zero = getMatrix(b, sub.getLoc(), *blocks);
      numbers->block = blocks->block, numbers->axis = blocks->axis;
      return numbers;
    }
    if (getElementTypeOrSelf(zero) == element && isSingle(zero)) {
      numbers->zero = reshapeTo(b, sub.getLoc(), zero, scalar);
      return numbers;
    }
    std::optional<int64_t> uniform = getUniformInteger(zero);
    Dims dims = getDims(sub.getType());
    if (!uniform && dims.size() == 2 && getElementTypeOrSelf(zero) == element &&
        isVectorOf(zero, dims.back(), getNumSymbols(zero.getType()))) {
      numbers->zero = asVector(b, sub.getLoc(), zero);
      return numbers;
    }
    unsigned bits = element.getIntOrFloatBitWidth();
    bool isUnsigned = element.isUnsignedInteger();
    if (!uniform || !(isUnsigned ? llvm::isUIntN(bits, *uniform) : llvm::isIntN(bits, *uniform)) ||
        bits != 8)
      return std::nullopt;
    numbers->zero = ConstantOp::create(
        b, sub.getLoc(), scalar,
        DenseElementsAttr::get(scalar, APInt(bits, *uniform, /*isSigned=*/!isUnsigned)));
    return numbers;
  }

  std::optional<Numbers> takeScale(MulOp mul) {
    for (auto [value, scale] : {std::pair(mul.getLhs(), mul.getRhs()), {mul.getRhs(), mul.getLhs()}}) {
      if (value.getType() != mul.getType())
        continue;
      std::optional<Numbers> numbers = match(value);
      if (!numbers)
        continue;
      Dims dims = getDims(scale);
      if (std::optional<BlockParameter> blocks = matchBlocks(scale)) {
        bool isOther = numbers->block &&
                       (numbers->block != blocks->block || numbers->axis != blocks->axis);
        if (numbers->scale || isOther || getDims(value).size() != 2)
          return std::nullopt;
        numbers->scale = getMatrix(b, mul.getLoc(), *blocks);
        numbers->block = blocks->block, numbers->axis = blocks->axis;
        return numbers;
      }
      if (numbers->scale || numbers->block || llvm::count_if(dims, [](AffineExpr dim) { return getConstantDim(dim) != 1; }) > 1)
        return std::nullopt;
      if (isSingle(scale))
        dims.clear();
      else
        while (dims.size() < getDims(value).size())
          dims.insert(dims.begin(), getAffineConstantExpr(1, mul.getContext()));
      numbers->scale = reshapeTo(b, mul.getLoc(), scale, dims, getNumSymbols(scale.getType()));
      return numbers;
    }
    return std::nullopt;
  }

  std::optional<Numbers> move(Operation *op) {
    std::optional<Numbers> numbers = match(op->getOperand(0));
    if (!numbers)
      return std::nullopt;
    Location loc = op->getLoc();
    bool hasChannels = numbers->scale && !getDims(numbers->scale).empty();
    if (numbers->zero && !numbers->block && !getDims(numbers->zero).empty())
      return std::nullopt;
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      numbers->bytes = createTranspose(b, loc, numbers->bytes, transpose.getPermutation());
      if (numbers->block) {
        // Of a matrix, so that it is a transpose or nothing.
        numbers->axis = transpose.getPermutation()[numbers->axis];
        if (numbers->zero && !getDims(numbers->zero).empty())
          numbers->zero = createTranspose(b, loc, numbers->zero, transpose.getPermutation());
      }
      if (hasChannels)
        numbers->scale = createTranspose(b, loc, numbers->scale, transpose.getPermutation());
      return numbers;
    }
    Dims from = getDims(op->getOperand(0)), to = getDims(op->getResult(0));
    unsigned numSymbols = getNumSymbols(op->getResult(0).getType());
    if (numbers->block)
      return std::nullopt;
    if (hasChannels) {
      // The first dimension, of output channels, stays.
      Dims channels = getDims(numbers->scale);
      if (from.empty() || to.empty() || from[0] != to[0] || channels[0] != from[0])
        return std::nullopt;
      Dims single(to.size(), getAffineConstantExpr(1, op->getContext()));
      single[0] = from[0];
      numbers->scale = reshapeTo(b, loc, numbers->scale, single, numSymbols);
    }
    numbers->bytes = reshapeTo(b, loc, numbers->bytes, to, numSymbols);
    return numbers;
  }
};

struct RaiseQuantizedLinear : winnow::impl::RaiseQuantizedLinearBase<RaiseQuantizedLinear> {
  using RaiseQuantizedLinearBase::RaiseQuantizedLinearBase;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-quantized-linear");
    SmallVector<MatMulOp> products;
    getOperation().walk([&](MatMulOp op) { products.push_back(op); });
    for (MatMulOp product : products)
      raise(product, reporter);
    eraseDeadOps(getOperation());
  }

private:
  void raise(MatMulOp op, SiteReporter &reporter) {
    OpBuilder b(op);
    Matcher matcher{b};
    std::optional<Numbers> weight = matcher.match(op.getRhs());
    if (!weight)
      return;
    if (getDims(op.getRhs()).size() != 2 || getDims(op.getLhs()).empty() || !isConstantExpression(weight->bytes)) {
      if (std::optional<Numbers> lhs = matcher.match(op.getLhs()))
        return raiseProduct(op, *lhs, *weight, reporter);
      return reporter.refused(op.getLoc(), "quantized-matmul.one-side",
                              "the right operand stands for integers, and is not a constant matrix; the left one does not");
    }
    std::optional<Numbers> input = matcher.match(op.getLhs());
    if (input && input->zero && !getDims(input->zero).empty())
      input.reset();
    bool hasBytes = getElementTypeOrSelf(weight->bytes).getIntOrFloatBitWidth() == 8;
    if (input && getElementTypeOrSelf(op.getType()).isF32() &&
        (input->block || !input->scale || weight->block || !hasBytes))
      input.reset(); // floats, for such weights
    if (!input)
      return raiseWeight(op, *weight, reporter);
    Location loc = op.getLoc();
    unsigned numSymbols = getNumSymbols(op.getType());
    Dims columns = {getDims(op.getType()).back()};
    bool isFloat = getElementTypeOrSelf(op.getType()).isF32();
    if (isFloat != (weight->scale && input->scale) || (!isFloat && (weight->scale || input->scale)))
      return reporter.refused(op.getLoc(), "quantized-linear.scales",
                              "expected a scale of both operands, or of none");
    Value scale;
    if (!isFloat) {
      scale = createScalar(b, loc, b.getF32Type(), 1);
    } else {
      if (!getDims(input->scale).empty())
        return reporter.refused(op.getLoc(), "quantized-linear.input-scale",
                                "expected one scale of the input, got " +
                                    toString(getDims(input->scale)));
      scale = weight->scale;
      if (Dims dims = getDims(scale); !dims.empty()) {
        if (dims.back() != columns.front())
          return reporter.refused(op.getLoc(), "quantized-linear.weight-scale",
                                  "expected a scale for each column of the weight, got " +
                                      toString(dims));
        scale = reshapeTo(b, loc, scale, columns, numSymbols);
      }
      scale = createBroadcasting<MulOp>(b, loc, input->scale, scale, numSymbols);
    }
    if (isFloat)
      op.getResult().replaceAllUsesWith(create(b, loc, *input, *weight, scale));
    else if (!raiseIntegers(op, [&](OpBuilder &n) { return create(n, loc, *input, *weight, scale); }, reporter))
      return;
    reporter.applied(loc, "quantized-linear.raised",
                     "computes a product with a weight of " + toString(getDims(op.getRhs())) +
                         " in integers");
  }

  /// Two variable operands.
  static void raiseProduct(MatMulOp op, const Numbers &lhs, const Numbers &rhs, SiteReporter &reporter) {
    Location loc = op.getLoc();
    OpBuilder b(op);
    Type element = getElementTypeOrSelf(op.getType());
    if (getDims(op.getLhs()).size() < 2 || getDims(op.getRhs()).size() < 2)
      return reporter.refused(loc, "quantized-matmul.vector", "expected matrices, got " +
                                                                  toString(getDims(op.getLhs())) + " and " +
                                                                  toString(getDims(op.getRhs())));
    for (const Numbers &side : {lhs, rhs})
      if (side.block || (side.zero && !getDims(side.zero).empty()) || (side.scale && !getDims(side.scale).empty()) ||
          getElementTypeOrSelf(side.bytes).getIntOrFloatBitWidth() != 8)
        return reporter.refused(loc, "quantized-matmul.parameters",
                                "expected 8 bits, one scale and one zero of each operand");
    bool isFloat = element.isF32(), hasScales = lhs.scale && rhs.scale, hasNone = !lhs.scale && !rhs.scale;
    if (isFloat ? !hasScales : !hasNone || !element.isSignlessInteger(32))
      return reporter.refused(loc, "quantized-matmul.scales",
                              "expected a scale of both operands and floats of 32 bits, or none");
    auto create = [&](OpBuilder &n, Value scale) -> Value {
      Value bytes = rhs.bytes;
      bool isTransposed = false;
      if (auto transpose = bytes.getDefiningOp<TransposeOp>()) {
        // The last two dimensions change places as bytes are read, the others in memory.
        SmallVector<int64_t> permutation = llvm::to_vector(transpose.getPermutation());
        int64_t rank = permutation.size();
        std::swap(permutation[rank - 1], permutation[rank - 2]);
        if (permutation[rank - 2] < permutation[rank - 1]) {
          bytes = createTranspose(n, loc, transpose.getInput(), permutation);
          isTransposed = true;
        }
      }
      return QuantizedMatMulOp::create(n, loc, lhs.bytes, bytes, scale, lhs.zero, rhs.zero, isTransposed);
    };
    if (isFloat)
      op.getResult().replaceAllUsesWith(
          create(b, createBroadcasting<MulOp>(b, loc, lhs.scale, rhs.scale, getNumSymbols(op.getType()))));
    else if (!raiseIntegers(op, [&](OpBuilder &n) { return create(n, createScalar(n, loc, n.getF32Type(), 1)); },
                            reporter))
      return;
    reporter.applied(loc, "quantized-matmul.raised",
                     "computes a product of " + toString(getDims(op.getLhs())) + " and " +
                         toString(getDims(op.getRhs())) + " in integers");
  }

  /// A weight of integers, and an input of floats.
  static void raiseWeight(MatMulOp op, const Numbers &weight, SiteReporter &reporter) {
    Location loc = op.getLoc();
    OpBuilder b(op);
    if (!getElementTypeOrSelf(op.getType()).isF32() || !weight.scale)
      return reporter.refused(loc, "quantized-linear.input-not-integers",
                              "the weight is of integers, the input is neither that nor floats of 32 bits");
    AffineExpr columns = getDims(op.getType()).back();
    Dims dims = getDims(weight.scale);
    unsigned numSymbols = getNumSymbols(op.getType());
    Numbers numbers = weight;
    bool isOfColumns = weight.block ? weight.axis == 0 && dims.back() == columns
                                    : dims.empty() || dims.back() == columns;
    if (!isOfColumns)
      return reporter.refused(loc, "quantized-linear.weight-scale",
                              "expected a scale for each column of the weight, got " + toString(dims));
    if (!weight.block && !dims.empty())
      numbers.scale = reshapeTo(b, loc, weight.scale, Dims{columns}, numSymbols);
    if (weight.block && weight.zero && getDims(weight.zero).empty())
      numbers.zero = BroadcastToOp::create(
          b, loc, getTensorType(dims, getElementTypeOrSelf(weight.zero), numSymbols), weight.zero);
    Value result = create(b, loc, {op.getLhs(), {}, {}}, numbers, numbers.scale);
    op.getResult().replaceAllUsesWith(result);
    reporter.applied(loc, "quantized-linear.weight-raised",
                     "keeps a weight of " + toString(getDims(op.getRhs())) + " in " +
                         Twine(getElementTypeOrSelf(weight.bytes).getIntOrFloatBitWidth()) + " bits");
  }

  static Value create(OpBuilder &b, Location loc, const Numbers &input, const Numbers &weight, Value scale) {
    Value bytes = weight.bytes;
    bool isTransposed = false;
    if (auto transpose = bytes.getDefiningOp<TransposeOp>();
        transpose && transpose.getPermutation() == ArrayRef<int64_t>{1, 0})
      bytes = transpose.getInput(), isTransposed = true;
    return QuantizedLinearOp::create(b, loc, input.bytes, bytes, scale, input.zero,
                                     /*row_scale=*/Value(), weight.zero, /*bias=*/Value(),
                                     /*residual=*/Value(), Activation::None, isTransposed,
                                     weight.block ? b.getI64IntegerAttr(weight.block) : IntegerAttr());
  }

  /// What is added to sums of integers by `user`: a bias. Null if it is something else.
  static Value getBias(Operation *user, Value sum) {
    auto add = dyn_cast<AddOp>(user);
    if (!add || add.getType() != sum.getType() || add.getLhs() == add.getRhs())
      return {};
    Value bias = add.getLhs() == sum ? add.getRhs() : add.getLhs();
    return isConstantExpression(bias) ? bias : Value();
  }

  static Value toFloats(OpBuilder &b, Location loc, Value value) {
    Type type = value.getType();
    return CastOp::create(b, loc, getTensorType(getDims(type), b.getF32Type(), getNumSymbols(type)), value);
  }

  /// The sum is converted to floats, perhaps after it was moved, or a bias was added.
  static bool raiseIntegers(MatMulOp op, function_ref<Value(OpBuilder &)> create, SiteReporter &reporter) {
    SmallVector<Operation *> steps;
    Value sum = op.getResult();
    Operation *user = sum.hasOneUse() ? *sum.user_begin() : nullptr;
    while (user && (isa<ReshapeOp, TransposeOp>(user) || getBias(user, sum)) &&
           user->getResult(0).hasOneUse()) {
      steps.push_back(user);
      sum = user->getResult(0);
      user = *sum.user_begin();
    }
    auto cast = dyn_cast_or_null<CastOp>(user);
    if (!cast || !getElementTypeOrSelf(cast.getType()).isF32()) {
      reporter.refused(op.getLoc(), "quantized-linear.sum-used",
                       "the integer sums are not just converted to floats of 32 bits");
      return false;
    }
    OpBuilder b(cast);
    Value value = create(b);
    auto linear = value.getDefiningOp<QuantizedLinearOp>();
    auto product = value.getDefiningOp<QuantizedMatMulOp>();
    // A scale of what is moved by nothing is the layer's, and of a bias for each column too.
    unsigned numSymbols = getNumSymbols(op.getType());
    Value bias = linear && steps.size() == 1 ? getBias(steps[0], op.getResult()) : Value();
    if (bias && !isSingle(bias) && !isVectorOf(bias, getDims(op.getType()).back(), numSymbols))
      bias = {};
    if (steps.empty() || (bias && !isSingle(bias)))
      if (std::optional<std::pair<Value, Operation *>> scaled = getScale(cast);
          scaled && (linear || getDims(scaled->first).empty())) {
        b.setInsertionPoint(scaled->second);
        value.getDefiningOp()->moveBefore(scaled->second);
        (linear ? linear.getScaleMutable() : product.getScaleMutable()).assign(scaled->first);
        if (bias) {
          b.setInsertionPoint(linear);
          bias = toFloats(b, steps[0]->getLoc(), asVector(b, steps[0]->getLoc(), bias));
          linear.getBiasMutable().assign(
              createBroadcasting<MulOp>(b, steps[0]->getLoc(), bias, scaled->first, numSymbols));
        }
        scaled->second->getResult(0).replaceAllUsesWith(value);
        return true;
      }
    for (Operation *step : steps) {
      Location loc = step->getLoc();
      if (auto transpose = dyn_cast<TransposeOp>(step))
        value = createTranspose(b, loc, value, transpose.getPermutation());
      else if (isa<ReshapeOp>(step))
        value = reshapeTo(b, loc, value, getDims(step->getResult(0)), getNumSymbols(step->getResult(0).getType()));
      else
        value = createBroadcasting<AddOp>(
            b, loc, value, toFloats(b, loc, getBias(step, step->getOperand(isConstantExpression(step->getOperand(0))))),
            numSymbols);
    }
    cast.getResult().replaceAllUsesWith(value);
    return true;
  }

  /// What the floats are multiplied by, as [] or [N], and the product.
  static std::optional<std::pair<Value, Operation *>> getScale(CastOp cast) {
    auto mul = cast.getResult().hasOneUse() ? dyn_cast<MulOp>(*cast->user_begin()) : nullptr;
    if (!mul || mul.getType() != cast.getType() || mul.getLhs() == mul.getRhs() ||
        mul->getBlock() != cast->getBlock())
      return std::nullopt;
    Value scale = mul.getLhs() == cast.getResult() ? mul.getRhs() : mul.getLhs();
    unsigned numSymbols = getNumSymbols(cast.getType());
    AffineExpr columns = getDims(cast.getType()).back();
    OpBuilder b(mul);
    if (isSingle(scale))
      return std::pair(reshapeTo(b, mul.getLoc(), scale, Dims(), numSymbols), mul.getOperation());
    if (isVectorOf(scale, columns, numSymbols))
      return std::pair(asVector(b, mul.getLoc(), scale), mul.getOperation());
    return std::nullopt;
  }
};
} // namespace
