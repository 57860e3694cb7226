//===- RowCopy.cpp - Copies of the rows of heads --------------------------===//

#include "RowCopy.h"

#include "Emitter.h"

using namespace mlir;

namespace winnow::gpu {

static constexpr int64_t kThreads = 256;

/// A thread copies as much as it can load at a time. Parameters: both addresses, extents 1
/// and 2, chunks in all, and for both the strides of dimensions 0 to 2.
static void emitCopy(Emitter &e, ValueRange parameters, int64_t size, int64_t vector) {
  int64_t perRow = size / vector;
  Value chunk = e.add(e.mul(e.block(), kThreads), e.thread());
  e.ifThen(e.less(chunk, parameters[4]), [&] {
    Value column = e.mul(e.rem(chunk, perRow), vector), rest = e.div(chunk, perRow);
    Value inner = e.rem(rest, parameters[3]), above = e.div(rest, parameters[3]);
    Value places[] = {e.div(above, parameters[2]), e.rem(above, parameters[2]), inner};
    auto at = [&](Value address, ValueRange strides) {
      Value elements = e.widen(column);
      for (auto [place, stride] : llvm::zip_equal(places, strides))
        elements = e.add(elements, e.mul(e.widen(place), stride));
      return e.at(address, e.mul(elements, 4));
    };
    e.storeVector(e.loadVector(e.getF32Type(), vector, at(parameters[0], parameters.slice(5, 3))),
                  at(parameters[1], parameters.slice(8, 3)));
  });
}

KernelLaunch launchRowCopy(ImplicitLocOpBuilder &host, const KernelContext &context,
                           const Operand &from, const Operand &to) {
  int64_t size = from.extent(3);
  int64_t vector = divisor(size, std::min(from.multiple(), to.multiple()));
  KernelFunction function;
  function.name = "copy_rows_" + std::to_string(size) + "_by" + std::to_string(vector);
  function.threads = kThreads;
  Type pointer = LLVM::LLVMPointerType::get(host.getContext());
  function.arguments.append(2, pointer);
  function.arguments.append(3, host.getI32Type());
  function.arguments.append(6, host.getI64Type());
  mlir::gpu::GPUModuleOp device = context.device;
  if (!device.lookupSymbol(function.name))
    emitKernel(device, context.loc, function, [&](Emitter &e, ValueRange parameters, Value) {
      emitCopy(e, parameters, size, vector);
    });

  auto index = [&](int64_t number) -> Value { return arith::ConstantIndexOp::create(host, number); };
  Value chunks = index(size / vector);
  for (int64_t dim = 0; dim < 3; ++dim)
    chunks = host.createOrFold<arith::MulIOp>(chunks, getExtent(host, from.memref, dim));
  KernelLaunch launch;
  launch.kernel = function.name;
  launch.grid = {host.createOrFold<arith::CeilDivUIOp>(chunks, index(kThreads)), index(1), index(1)};
  launch.block = {kThreads, 1, 1};
  launch.arguments = {getAddress(host, from.memref), getAddress(host, to.memref),
                      toI32(host, getExtent(host, from.memref, 1)),
                      toI32(host, getExtent(host, from.memref, 2)), toI32(host, chunks)};
  for (const Operand *operand : {&from, &to})
    for (int64_t dim = 0; dim < 3; ++dim)
      launch.arguments.push_back(getStride(host, operand->memref, dim));
  return launch;
}

} // namespace winnow::gpu
