//===- Arithmetic.cpp - The arith and math dialects, a lane at a time -----===//

#include "Translator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace winnow::gpu {

static unsigned widthOf(Type type) {
  type = getElementTypeOrSelf(type);
  return type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
}
static uint64_t cut(uint64_t bits, unsigned width) {
  return width < 64 ? bits & ((uint64_t(1) << width) - 1) : bits;
}
static int64_t toSigned(uint64_t bits, unsigned width) {
  return width < 64 ? llvm::SignExtend64(bits, width) : static_cast<int64_t>(bits);
}

static bool compare(arith::CmpIPredicate predicate, uint64_t a, uint64_t b, unsigned width) {
  int64_t x = toSigned(a, width), y = toSigned(b, width);
  switch (predicate) {
  case arith::CmpIPredicate::eq: return a == b;
  case arith::CmpIPredicate::ne: return a != b;
  case arith::CmpIPredicate::slt: return x < y;
  case arith::CmpIPredicate::sle: return x <= y;
  case arith::CmpIPredicate::sgt: return x > y;
  case arith::CmpIPredicate::sge: return x >= y;
  case arith::CmpIPredicate::ult: return a < b;
  case arith::CmpIPredicate::ule: return a <= b;
  case arith::CmpIPredicate::ugt: return a > b;
  case arith::CmpIPredicate::uge: return a >= b;
  }
  llvm_unreachable("unknown predicate");
}

static bool compare(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse: return false;
  case P::AlwaysTrue: return true;
  case P::ORD: return !unordered;
  case P::UNO: return unordered;
  case P::OEQ: return a == b;
  case P::ONE: return !unordered && a != b;
  case P::OLT: return a < b;
  case P::OLE: return a <= b;
  case P::OGT: return a > b;
  case P::OGE: return a >= b;
  case P::UEQ: return unordered || a == b;
  case P::UNE: return a != b;
  case P::ULT: return unordered || a < b;
  case P::ULE: return unordered || a <= b;
  case P::UGT: return unordered || a > b;
  case P::UGE: return unordered || a >= b;
  }
  llvm_unreachable("unknown predicate");
}

/// Results of f64 that are rounded once: of sums and products of f32 this is what
/// arithmetic of f32 gives.
using FloatBinary = double (*)(double, double);
using FloatUnary = double (*)(double);

FailureOr<Step> Translator::translateArithmetic(Operation &op) {
  Type type = getElementTypeOrSelf(op.getResult(0).getType());
  unsigned width = widthOf(type);
  auto integers = [&](auto fn) {
    return FailureOr<Step>(
        binary(op, [=](uint64_t a, uint64_t b) { return cut(fn(a, b), width); }));
  };
  auto signedIntegers = [&](auto fn) {
    return FailureOr<Step>(binary(op, [=](uint64_t a, uint64_t b) {
      return cut(fn(toSigned(a, width), toSigned(b, width)), width);
    }));
  };
  auto floats = [&](FloatBinary fn) {
    return FailureOr<Step>(binary(op, [=](uint64_t a, uint64_t b) {
      return fromDouble(type, fn(toDouble(type, a), toDouble(type, b)));
    }));
  };
  auto floatFunction = [&](FloatUnary fn) {
    return FailureOr<Step>(
        unary(op, [=](uint64_t a) { return fromDouble(type, fn(toDouble(type, a))); }));
  };
  Fault &fault = interpreter.fault;
  auto divide = [&](auto fn) {
    return FailureOr<Step>(binary(op, [=, &fault](uint64_t a, uint64_t b) -> uint64_t {
      if (b == 0) {
        fault.report("a division by zero");
        return 0;
      }
      return cut(fn(a, b), width);
    }));
  };
  Type from = op.getNumOperands() ? getElementTypeOrSelf(op.getOperand(0).getType()) : type;
  unsigned fromWidth = widthOf(from);
  return TypeSwitch<Operation *, FailureOr<Step>>(&op)
      .Case([&](arith::ConstantOp o) { return constant(o, o.getValue()); })
      .Case([&](arith::AddIOp) { return integers([](uint64_t a, uint64_t b) { return a + b; }); })
      .Case([&](arith::SubIOp) { return integers([](uint64_t a, uint64_t b) { return a - b; }); })
      .Case([&](arith::MulIOp) { return integers([](uint64_t a, uint64_t b) { return a * b; }); })
      .Case([&](arith::AndIOp) { return integers([](uint64_t a, uint64_t b) { return a & b; }); })
      .Case([&](arith::OrIOp) { return integers([](uint64_t a, uint64_t b) { return a | b; }); })
      .Case([&](arith::XOrIOp) { return integers([](uint64_t a, uint64_t b) { return a ^ b; }); })
      .Case([&](arith::ShLIOp) { return integers([](uint64_t a, uint64_t b) { return a << b; }); })
      .Case([&](arith::ShRUIOp) { return integers([](uint64_t a, uint64_t b) { return a >> b; }); })
      .Case([&](arith::ShRSIOp) {
        return signedIntegers([](int64_t a, int64_t b) { return a >> b; });
      })
      .Case([&](arith::DivUIOp) { return divide([](uint64_t a, uint64_t b) { return a / b; }); })
      .Case([&](arith::RemUIOp) { return divide([](uint64_t a, uint64_t b) { return a % b; }); })
      .Case([&](arith::CeilDivUIOp) {
        return divide([](uint64_t a, uint64_t b) { return (a + b - 1) / b; });
      })
      .Case([&](arith::DivSIOp) {
        return divide([=](uint64_t a, uint64_t b) { return toSigned(a, width) / toSigned(b, width); });
      })
      .Case([&](arith::RemSIOp) {
        return divide([=](uint64_t a, uint64_t b) { return toSigned(a, width) % toSigned(b, width); });
      })
      .Case([&](arith::MinSIOp) {
        return signedIntegers([](int64_t a, int64_t b) { return std::min(a, b); });
      })
      .Case([&](arith::MaxSIOp) {
        return signedIntegers([](int64_t a, int64_t b) { return std::max(a, b); });
      })
      .Case([&](arith::CmpIOp o) -> FailureOr<Step> {
        auto predicate = o.getPredicate();
        return binary(op, [=](uint64_t a, uint64_t b) -> uint64_t {
          return compare(predicate, a, b, fromWidth);
        });
      })
      .Case([&](arith::CmpFOp o) -> FailureOr<Step> {
        auto predicate = o.getPredicate();
        return binary(op, [=](uint64_t a, uint64_t b) -> uint64_t {
          return compare(predicate, toDouble(from, a), toDouble(from, b));
        });
      })
      .Case([&](arith::SelectOp o) -> FailureOr<Step> {
        unsigned condition = slotOf(o.getCondition()), yes = slotOf(o.getTrueValue()),
                 no = slotOf(o.getFalseValue()), to = slotOf(o), count = countWords(o.getType());
        return Step([=](Warp &warp) {
          for (unsigned i = 0; i < count; ++i)
            warp.forEach([&](int lane) {
              bool taken = warp.values[condition][lane] & 1;
              warp.values[to + i][lane] = warp.values[(taken ? yes : no) + i][lane];
            });
        });
      })
      .Case<arith::ExtSIOp, arith::IndexCastOp>([&](auto) -> FailureOr<Step> {
        return unary(op, [=](uint64_t a) { return cut(toSigned(a, fromWidth), width); });
      })
      .Case<arith::ExtUIOp, arith::TruncIOp, arith::BitcastOp, arith::IndexCastUIOp>(
          [&](auto) -> FailureOr<Step> {
            return unary(op, [=](uint64_t a) { return cut(a, width); });
          })
      .Case([&](arith::SIToFPOp) -> FailureOr<Step> {
        return unary(op, [=](uint64_t a) {
          return fromDouble(type, static_cast<double>(toSigned(a, fromWidth)));
        });
      })
      .Case([&](arith::UIToFPOp) -> FailureOr<Step> {
        return unary(op, [=](uint64_t a) { return fromDouble(type, static_cast<double>(a)); });
      })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) -> FailureOr<Step> {
        return unary(op, [=](uint64_t a) { return fromDouble(type, toDouble(from, a)); });
      })
      .Case([&](arith::AddFOp) { return floats([](double a, double b) { return a + b; }); })
      .Case([&](arith::SubFOp) { return floats([](double a, double b) { return a - b; }); })
      .Case([&](arith::MulFOp) { return floats([](double a, double b) { return a * b; }); })
      .Case([&](arith::DivFOp) { return floats([](double a, double b) { return a / b; }); })
      .Case([&](arith::MaxNumFOp) { return floats([](double a, double b) { return fmax(a, b); }); })
      .Case([&](arith::MinNumFOp) { return floats([](double a, double b) { return fmin(a, b); }); })
      .Case([&](arith::MaximumFOp) {
        return floats([](double a, double b) { return std::isnan(a) || b < a ? a : b; });
      })
      .Case([&](arith::NegFOp) { return floatFunction([](double a) { return -a; }); })
      .Case([&](math::ErfOp) { return floatFunction([](double a) { return std::erf(a); }); })
      .Case([&](math::TanhOp) { return floatFunction([](double a) { return std::tanh(a); }); })
      .Case([&](math::ExpOp) { return floatFunction([](double a) { return std::exp(a); }); })
      .Case([&](math::SqrtOp) { return floatFunction([](double a) { return std::sqrt(a); }); })
      .Case([&](math::AbsFOp) { return floatFunction([](double a) { return std::fabs(a); }); })
      .Case([&](math::FmaOp o) -> FailureOr<Step> {
        unsigned a = slotOf(o.getA()), b = slotOf(o.getB()), c = slotOf(o.getC()), to = slotOf(o);
        return Step([=](Warp &warp) {
          warp.forEach([&](int lane) {
            auto value = [&](unsigned slot) { return toDouble(type, warp.values[slot][lane]); };
            warp.values[to][lane] = fromDouble(type, std::fma(value(a), value(b), value(c)));
          });
        });
      })
      .Default([](Operation *) { return failure(); });
}

} // namespace winnow::gpu
