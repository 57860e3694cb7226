#include "Lowering.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace winnow;

namespace {
/// Integer arithmetic of one element, in 32-bit words.
struct WordEmitter {
  OpBuilder &b;
  Location loc;
  Type i32 = b.getI32Type(), i64 = b.getI64Type();

  Value constant(Type type, uint64_t value) {
    return arith::ConstantOp::create(
        b, loc, b.getIntegerAttr(type, APInt(type.getIntOrFloatBitWidth(), value, false, true)));
  }
  Value low(Value wide) { return arith::TruncIOp::create(b, loc, i32, wide); }
  Value high(Value wide) { return low(arith::ShRUIOp::create(b, loc, wide, constant(i64, 32))); }
  Value extend(Value word) { return arith::ExtUIOp::create(b, loc, i64, word); }
  Value join(Value upper, Value lower) {
    Value shifted = arith::ShLIOp::create(b, loc, extend(upper), constant(i64, 32));
    return arith::OrIOp::create(b, loc, shifted, extend(lower));
  }
  Value exclusiveOr(Value x, Value y) { return arith::XOrIOp::create(b, loc, x, y); }

  /// The leading `bits` of an integer as a float times 2^-bits.
  Value fraction(Value x, unsigned bits, Type type) {
    Value top = arith::ShRUIOp::create(
        b, loc, x, constant(x.getType(), x.getType().getIntOrFloatBitWidth() - bits));
    return scale(arith::SIToFPOp::create(b, loc, type, top), std::ldexp(1.0, -int(bits)));
  }
  Value real(Type type, double value) {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  }
  Value scale(Value x, double factor) {
    return arith::MulFOp::create(b, loc, x, real(x.getType(), factor));
  }
};
} // namespace

/// Philox4x32-10: ten rounds, the key bumped between them.
static std::array<Value, 4> emitPhilox(WordEmitter e, std::array<Value, 4> counter, uint32_t key0,
                                       uint32_t key1) {
  auto [c0, c1, c2, c3] = counter;
  Value factor0 = e.constant(e.i64, 0xD2511F53), factor1 = e.constant(e.i64, 0xCD9E8D57);
  for (int round = 0; round < 10; ++round) {
    Value product0 = arith::MulIOp::create(e.b, e.loc, e.extend(c0), factor0);
    Value product1 = arith::MulIOp::create(e.b, e.loc, e.extend(c2), factor1);
    c0 = e.exclusiveOr(e.exclusiveOr(e.high(product1), c1), e.constant(e.i32, key0));
    c1 = e.low(product1);
    c2 = e.exclusiveOr(e.exclusiveOr(e.high(product0), c3), e.constant(e.i32, key1));
    c3 = e.low(product0);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return {c0, c1, c2, c3};
}

static Value emitBits(WordEmitter e, const std::array<Value, 4> &w, Type type) {
  if (type == e.i64)
    return e.join(w[1], w[0]);
  return type == e.i32 ? w[0] : arith::TruncIOp::create(e.b, e.loc, type, w[0]).getResult();
}

static Value emitUniform(WordEmitter e, const std::array<Value, 4> &w, Type type) {
  if (type.isF64())
    return e.fraction(e.join(w[1], w[0]), 53, type);
  unsigned bits = APFloat::semanticsPrecision(cast<FloatType>(type).getFloatSemantics());
  Type f32 = e.b.getF32Type();
  Value result = e.fraction(w[0], bits, f32);
  return type == f32 ? result : arith::TruncFOp::create(e.b, e.loc, type, result).getResult();
}

static Value emitNormal(WordEmitter e, const std::array<Value, 4> &w, Type type) {
  bool isDouble = type.isF64();
  Type work = isDouble ? type : e.b.getF32Type();
  Value u, v;
  if (isDouble) {
    u = arith::AddFOp::create(e.b, e.loc, e.fraction(e.join(w[1], w[0]), 53, work),
                              e.real(work, std::ldexp(1.0, -53)));
    v = e.fraction(e.join(w[3], w[2]), 53, work);
  } else {
    u = arith::AddFOp::create(e.b, e.loc, e.fraction(w[0], 31, work),
                              e.real(work, std::ldexp(1.0, -32)));
    v = e.fraction(w[1], 24, work);
  }
  Value square = e.scale(math::LogOp::create(e.b, e.loc, u), -2);
  Value cosine = math::CosOp::create(e.b, e.loc, e.scale(v, 2 * llvm::numbers::pi));
  Value result =
      arith::MulFOp::create(e.b, e.loc, math::SqrtOp::create(e.b, e.loc, square), cosine);
  return type == work ? result : arith::TruncFOp::create(e.b, e.loc, type, result).getResult();
}

namespace {
struct LowerRandom : LoweringPattern<RandomOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(RandomOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Dims dims = getDims(op.getType());
    Type type = convertElementType(op.getType().getElementType());
    SmallVector<Value> sizes;
    for (AffineExpr dim : dims)
      sizes.push_back(getSize(rewriter, loc, dim));
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    if (Value iteration = adaptor.getIteration()) {
      inputs.push_back(iteration);
      maps.push_back(getBroadcastMap({}, dims, op.getContext()));
    }
    Value result = createElementwise(
        rewriter, loc, dims, type, inputs, maps, [&](OpBuilder &b, Location, ValueRange scalars) {
          WordEmitter e{b, loc};
          Value position = arith::ConstantIndexOp::create(b, loc, 0);
          for (auto [i, size] : llvm::enumerate(sizes))
            position = arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, position, size),
                                             linalg::IndexOp::create(b, loc, i));
          Value element = arith::IndexCastOp::create(b, loc, e.i64, position);
          Value round = inputs.empty() ? e.constant(e.i64, 0) : scalars[0];
          std::array<Value, 4> words =
              emitPhilox(e, {e.low(element), e.high(element), e.low(round), e.high(round)},
                         op.getSeed(), op.getStream());
          return op.getKind() == RandomKind::Bits      ? emitBits(e, words, type)
                 : op.getKind() == RandomKind::Uniform ? emitUniform(e, words, type)
                                                       : emitNormal(e, words, type);
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};
} // namespace

void winnow::populateRandomPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                    LoweringState &state) {
  patterns.add<LowerRandom>(converter, patterns.getContext(), state);
}
