#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

static void importMatMul(OpImporter &n) { n.set(n.matmul(n.in(0), n.in(1))); }

/// alpha A B + beta C, where A and B may be transposed.
static void importGemm(OpImporter &n) {
  bool transA = n.intAttr("transA", 0), transB = n.intAttr("transB", 0);
  double alpha = n.floatAttr("alpha", 1), beta = n.floatAttr("beta", 1);
  if (n.rank(0) != 2 || n.rank(1) != 2)
    return n.invalid("expected operands of rank 2, got ranks " + Twine(n.rank(0)) + " and " +
                     Twine(n.rank(1)));
  Value a = n.in(0), b = n.in(1), c = n.in(2);
  if (n.failed())
    return;
  Dims left = n.dims(0), right = n.dims(1);
  if (transA)
    std::swap(left[0], left[1]);
  if (transB)
    std::swap(right[0], right[1]);
  if (!n.unify(left[1], right[0], "the inner dimensions"))
    return;
  // A row of biases, however many unit dimensions it has.
  bool isRow = c && n.rank(2) >= 1 && n.dims(2).back() == right[1] &&
               llvm::all_of(ArrayRef(n.dims(2)).drop_back(),
                            [](AffineExpr dim) { return isConstantDim(dim, 1); });
  if (n.isInitializer(1) && isa<FloatType>(n.elementType(0)) && !transA && alpha == 1 &&
      (!c || (beta == 1 && isRow))) {
    Value bias = c ? n.reshape(c, {right[1]}) : Value();
    return n.set(n.make<LinearOp>(a, b, bias, Value(), Activation::None, transB));
  }
  if (transA)
    a = n.transpose(a, {1, 0});
  if (transB)
    b = n.transpose(b, {1, 0});
  Value result = n.make<MatMulOp>(a, b);
  if (alpha != 1)
    result = n.make<MulOp>(result, n.scalarLike(result, alpha));
  if (c && beta != 0) {
    if (beta != 1)
      c = n.make<MulOp>(c, n.scalarLike(c, beta));
    result = n.make<AddOp>(result, c);
  }
  n.set(result);
}

static void importDet(OpImporter &n) {
  Dims dims = n.dims(0);
  if (dims.size() >= 2)
    n.unify(dims[dims.size() - 2], dims.back(), "rows and columns");
  Value det = n.make<DetOp>(n.widen(n.in(0)));
  n.set(n.convert(det, n.elementType(0)));
}

ArrayRef<OpEntry> getContractionOps() {
  static const OpEntry ops[] = {
      {"Det", 11, kMaxOpset, 1, 1, importDet},
      {"Gemm", 1, kMaxOpset, 2, 3, importGemm},
      {"MatMul", 1, kMaxOpset, 2, 2, importMatMul},
  };
  return ops;
}

} // namespace winnow::import
