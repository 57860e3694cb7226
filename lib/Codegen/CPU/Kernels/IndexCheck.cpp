//===- IndexCheck.cpp - Indices that come from data -----------------------===//

#include "IndexCheck.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr StringLiteral failFunction = "winnow_rt_fail";

LogicalResult checkIndexTypes(const KernelContext &context, Value indices,
                              Value site) {
  Type index = cast<MemRefType>(indices.getType()).getElementType();
  if (!index.isInteger(32) && !index.isInteger(64))
    return context.error() << "expected 'indices' to hold i32 or i64, got "
                           << index;
  if (!site.getType().isInteger(32))
    return context.error() << "expected 'site' to be i32, got "
                           << site.getType();
  return success();
}

void declareFail(Emitter &e) { e.declareRuntime(failFunction, e.getI32Type()); }

CheckedIndex emitCheckedIndex(Emitter &e, Value raw, Value extent,
                              Value site) {
  Value index = e.createOrFold<arith::IndexCastOp>(e.getIndexType(), raw);
  Value wrapped = arith::SelectOp::create(e, e.lessThan(index, e.index(0)),
                                          e.add(index, extent), index);
  // One unsigned comparison finds both ends.
  Value bad =
      arith::CmpIOp::create(e, arith::CmpIPredicate::uge, wrapped, extent);
  e.ifElse(bad, [&] {
    func::CallOp::create(e, failFunction, TypeRange(), ValueRange{site});
  });
  return {arith::SelectOp::create(e, bad, e.index(0), wrapped), bad};
}

} // namespace winnow::cpu
