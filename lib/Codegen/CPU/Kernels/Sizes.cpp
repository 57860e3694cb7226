//===- Sizes.cpp - Sizes that data gives ----------------------------------===//
//
//   define_size(value: index, site: i32) -> index   parameter: symbol
//   check_size(value: index, expected: index, site: i32)
//
// Both leave the run where the size cannot be, so that what follows may rely on
// it.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace winnow::cpu {

/// Sizes and at last the number of the site that fails.
static FailureOr<SmallVector<BlockArgument>>
getSizesAndSite(const KernelContext &context, unsigned numSizes) {
  auto arguments = context.arguments(numSizes + 1);
  if (failed(arguments))
    return failure();
  for (BlockArgument size : ArrayRef(*arguments).drop_back())
    if (!size.getType().isIndex())
      return context.error() << "expected sizes of type index, got "
                             << size.getType();
  if (!arguments->back().getType().isInteger(32))
    return context.error() << "expected 'site' to be i32, got "
                           << arguments->back().getType();
  return arguments;
}

LogicalResult buildDefineSize(Emitter &e, const KernelContext &context) {
  auto arguments = getSizesAndSite(context, 1);
  auto symbol = context.integer("symbol", 0);
  if (failed(arguments) || failed(symbol))
    return failure();
  Value number = arith::ConstantOp::create(e, e.getI32IntegerAttr(*symbol));
  Value value =
      arith::IndexCastOp::create(e, e.getI64Type(), (*arguments)[0]);
  e.callRuntime("winnow_rt_define",
              {number, value, (*arguments)[1]});
  return success();
}

LogicalResult buildCheckSize(Emitter &e, const KernelContext &context) {
  auto arguments = getSizesAndSite(context, 2);
  if (failed(arguments))
    return failure();
  Value differ = arith::CmpIOp::create(e, arith::CmpIPredicate::ne,
                                       (*arguments)[0], (*arguments)[1]);
  e.ifElse(differ, [&] {
    e.callRuntime("winnow_rt_stop", {(*arguments)[2]});
  });
  return success();
}

} // namespace winnow::cpu
