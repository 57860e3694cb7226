#include "winnow/Conversion/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace winnow {
#define GEN_PASS_DEF_PLACERESULTS
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;

/// Has `op` write what its source is a reshape of, to the destination in that shape.
static void placeSource(bufferization::MaterializeInDestinationOp op) {
  while (auto expand = op.getSource().getDefiningOp<tensor::ExpandShapeOp>()) {
    Value dest = op.getDest();
    auto type = dyn_cast<MemRefType>(dest.getType());
    auto reassociation = expand.getReassociationIndices();
    if (!type || !memref::CollapseShapeOp::isGuaranteedCollapsible(type, reassociation))
      return;
    // Where it is known before the source is computed.
    OpBuilder b(op);
    b.setInsertionPointAfterValue(dest);
    op.getDestMutable().assign(
        memref::CollapseShapeOp::create(b, op.getLoc(), dest, reassociation));
    op.getSourceMutable().assign(expand.getSrc());
  }
}

namespace {
struct PlaceResults : winnow::impl::PlaceResultsBase<PlaceResults> {
  void runOnOperation() override { getOperation().walk(placeSource); }
};
} // namespace
