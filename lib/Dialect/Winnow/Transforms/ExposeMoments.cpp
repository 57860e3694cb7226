//===- ExposeMoments.cpp - How the inputs of linears vary together --------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_EXPOSEMOMENTS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// x^T x of the rows of x, and how many rows there are.
static Value createMoments(OpBuilder &b, Location loc, Value x) {
  RankedTensorType type = winnow::getTensorType(x);
  Dims dims = getDims(x);
  Dims flat = {productDim(ArrayRef(dims).drop_back(), x.getContext()), dims.back()};
  x = ReshapeOp::create(b, loc, winnow::getTensorType(flat, type.getElementType(), getNumSymbols(type)), x);
  return MatMulOp::create(b, loc, TransposeOp::create(b, loc, x, ArrayRef<int64_t>{1, 0}), x);
}

namespace {
struct ExposeMoments : winnow::impl::ExposeMomentsBase<ExposeMoments> {
  void runOnOperation() override {
    func::FuncOp entry = getMainEntry(getOperation());
    if (!entry) {
      getOperation().emitError("expected an entry function");
      return signalPassFailure();
    }
    Builder attrs(&getContext());
    SmallVector<Value> results;
    SmallVector<Attribute> names;
    for (auto [number, site] : llvm::enumerate(getPrecisionSites(entry))) {
      if (!hasMoments(site))
        continue;
      OpBuilder b(site.op);
      results.push_back(createMoments(b, site.op->getLoc(), site.activations.front()));
      auto name = attrs.getStringAttr("winnow.moments." + Twine(number));
      names.push_back(attrs.getDictionaryAttr(attrs.getNamedAttr("winnow.name", name)));
    }
    entry.getBody().front().getTerminator()->setOperands(results);
    entry.setFunctionType(
        FunctionType::get(&getContext(), entry.getArgumentTypes(), TypeRange(ValueRange(results))));
    entry.setAllResultAttrs(names);
    eraseDeadOps(getOperation());
  }
};
} // namespace
