//===- Gather.cpp - Rows of a table by their indices ----------------------===//

#include "KernelBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

constexpr StringLiteral failFunction = "winnow_rt_fail";

/// Declares the runtime's error report, which only records: the kernel goes
/// on.
void declareFail(Emitter &e, Block &entry) {
  auto module = entry.getParentOp()->getParentOfType<ModuleOp>();
  if (module.lookupSymbol(failFunction))
    return;
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(module.getBody());
  func::FuncOp::create(e, failFunction, e.getFunctionType(e.getI32Type(), {}))
      .setPrivate();
}

/// The row that `raw` means. One that is not in the table is reported and
/// replaced by row 0, so that nothing outside of the table is read.
Value emitRow(Emitter &e, Value raw, Value extent, Value site) {
  Value row = e.createOrFold<arith::IndexCastOp>(e.getIndexType(), raw);
  Value wrapped = arith::SelectOp::create(e, e.lessThan(row, e.index(0)),
                                          e.add(row, extent), row);
  // One unsigned comparison finds both ends.
  Value bad = arith::CmpIOp::create(e, arith::CmpIPredicate::uge, wrapped,
                                    extent);
  e.ifElse(bad, [&] {
    func::CallOp::create(e, failFunction, TypeRange(), ValueRange{site});
  });
  return arith::SelectOp::create(e, bad, e.index(0), wrapped);
}

void emitCopy(Emitter &e, Value data, Value out, ArrayRef<Value> from,
              ArrayRef<Value> to, int64_t vectorBytes) {
  auto at = [](ArrayRef<Value> row, Value column) {
    return SmallVector<Value>{row[0], row[1], column};
  };
  auto type = cast<MemRefType>(data.getType());
  Value count = e.dim(data, 2), begin = e.index(0);
  unsigned bits =
      type.getElementType().isIntOrFloat() ? type.getElementTypeBitWidth() : 0;
  // Vectors of i1 would be packed bits.
  if (bits >= 8 && llvm::isPowerOf2_32(bits)) {
    int64_t lanes = vectorBytes * 8 / bits;
    Value whole = e.mul(e.div(count, e.index(lanes)), lanes);
    e.forRange(begin, whole, lanes, [&](Value column) {
      e.store(e.load(data, at(from, column), lanes), out, at(to, column));
    });
    begin = whole;
  }
  e.forRange(begin, count, 1, [&](Value column) {
    e.storeScalar(e.loadScalar(data, at(from, column)), out, at(to, column));
  });
}

} // namespace

LogicalResult buildGather(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(4);
  if (failed(arguments))
    return failure();
  Value data = (*arguments)[0], indices = (*arguments)[1],
        out = (*arguments)[2], site = (*arguments)[3];
  if (failed(context.memref(data, "data", 3, Type())) ||
      failed(context.memref(indices, "indices", 1, Type())) ||
      failed(context.memref(
          out, "out", 3, cast<MemRefType>(data.getType()).getElementType())) ||
      failed(context.sameExtent(data, 0, "data", out, 0, "out")) ||
      failed(context.sameExtent(data, 2, "data", out, 2, "out")) ||
      failed(context.sameExtent(indices, 0, "indices", out, 1, "out")))
    return failure();
  Type indexType = cast<MemRefType>(indices.getType()).getElementType();
  if (!indexType.isInteger(32) && !indexType.isInteger(64))
    return context.error() << "expected 'indices' to hold i32 or i64, got "
                           << indexType;
  if (!site.getType().isInteger(32))
    return context.error() << "expected 'site' to be i32, got "
                           << site.getType();

  declareFail(e, context.entry);
  Value count = e.dim(indices, 0), extent = e.dim(data, 1);
  e.parallel(e.mul(e.dim(data, 0), count), 16, [&](Value at) {
    Value outer = e.div(at, count), position = e.rem(at, count);
    Value row =
        emitRow(e, e.loadScalar(indices, {position}), extent, site);
    // An empty table has no row 0 either.
    e.ifElse(e.lessThan(e.index(0), extent), [&] {
      emitCopy(e, data, out, {outer, row}, {outer, position},
               context.level.vectorBytes);
    });
  });
  return success();
}

} // namespace winnow::cpu
