#include "Bytes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace winnow::cpu {

VectorType bytesOf(Emitter &e, int64_t lanes) { return VectorType::get(lanes * kBytes, e.getI8Type()); }
VectorType wordsOf(Emitter &e, int64_t lanes) { return VectorType::get(lanes, e.getI32Type()); }

Value spreadBytes(Emitter &e, Value memref, ValueRange indices, int64_t lanes, Value mask, bool flip) {
  Value bytes = e.load(memref, indices, kBytes, mask);
  Value word = vector::BitCastOp::create(e, VectorType::get(1, e.getI32Type()), bytes);
  Value splat = e.splat(vector::ExtractOp::create(e, word, int64_t(0)), lanes);
  if (flip) {
    Value tops = arith::ConstantOp::create(
        e, DenseElementsAttr::get(wordsOf(e, lanes), e.getI32IntegerAttr(0x80808080)));
    splat = arith::XOrIOp::create(e, splat, tops);
  }
  return vector::BitCastOp::create(e, bytesOf(e, lanes), splat);
}

static Value callIntrinsic(Emitter &e, Type type, StringRef name, ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(e, e.getLoc(), type, e.getStringAttr(name), arguments)
      .getResult(0);
}

Value dotBytes(Emitter &e, const CPULevel &level, Value sum, Value x, Value w, int64_t most) {
  int64_t lanes = cast<VectorType>(sum.getType()).getNumElements();
  int64_t bits = lanes * 32;
  if (lanes == 1) { // a thread of a GPU
    for (int64_t i = 0; i < kBytes; ++i) {
      auto get = [&](Value bytes) -> Value { return vector::ExtractOp::create(e, bytes, i); };
      Value product = arith::MulIOp::create(
          e, arith::ExtUIOp::create(e, e.getI32Type(), get(x)),
          arith::ExtSIOp::create(e, e.getI32Type(), get(w)));
      sum = arith::AddIOp::create(e, sum, e.splat(product, lanes));
    }
    return sum;
  }
  if (level.hasVNNI)
    return callIntrinsic(e, sum.getType(), "llvm.x86.avx512.vpdpbusd." + std::to_string(bits),
                         {sum, x, w});
  auto halves = VectorType::get(lanes * 2, e.getI16Type());
  StringRef name = bits == 512   ? "llvm.x86.avx512.pmaddw.d.512"
                   : bits == 256 ? "llvm.x86.avx2.pmadd.wd"
                                 : "llvm.x86.sse2.pmadd.wd";
  auto add = [&](Value a, Value b) -> Value { return arith::AddIOp::create(e, a, b); };
  if (most <= 128 && bits >= 256) {
    Value pairs = callIntrinsic(
        e, halves, bits == 512 ? "llvm.x86.avx512.pmaddubs.w.512" : "llvm.x86.avx2.pmadd.ub.sw", {x, w});
    Value ones = arith::ConstantOp::create(e, DenseElementsAttr::get(halves, e.getI16IntegerAttr(1)));
    return add(sum, callIntrinsic(e, sum.getType(), name, {pairs, ones}));
  }
  Value eight = arith::ConstantOp::create(e, DenseElementsAttr::get(halves, e.getI16IntegerAttr(8)));
  Value low = arith::ConstantOp::create(e, DenseElementsAttr::get(halves, e.getI16IntegerAttr(255)));
  Value x2 = vector::BitCastOp::create(e, halves, x), w2 = vector::BitCastOp::create(e, halves, w);
  Value evenX = arith::AndIOp::create(e, x2, low), oddX = arith::ShRUIOp::create(e, x2, eight);
  Value evenW = arith::ShRSIOp::create(e, arith::ShLIOp::create(e, w2, eight), eight);
  Value oddW = arith::ShRSIOp::create(e, w2, eight);
  return add(add(sum, callIntrinsic(e, sum.getType(), name, {evenX, evenW})),
             callIntrinsic(e, sum.getType(), name, {oddX, oddW}));
}

Value toByte(Emitter &e, Value number) {
  Type type = number.getType();
  Value bounded = e.maxF(number, e.real(0, type));
  // The lesser one, or the bound.
  Value high = e.real(255, type);
  Value isBelow = arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, bounded, high);
  bounded = e.blend(isBelow, bounded, high);
  auto vector = dyn_cast<VectorType>(type);
  auto withElement = [&](Type element) -> Type {
    return vector ? VectorType::get(vector.getShape(), element) : element;
  };
  Value wide = arith::FPToSIOp::create(e, withElement(e.getI32Type()), bounded);
  return arith::TruncIOp::create(e, withElement(e.getI8Type()), wide);
}

} // namespace winnow::cpu
